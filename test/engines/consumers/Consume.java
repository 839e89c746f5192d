import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads records of a topic with Kafka's own client and Avro's own library, and prints a line of JSON for each.
 *
 * usage: Consume.java BROKERS REGISTRY_URL LOGS TOPIC COUNT
 */
public class Consume {
  static final int BUNDLE = 256;
  static final ObjectMapper JSON = new ObjectMapper();
  // Whatever the locale of whoever runs this.
  static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
  static final HttpClient HTTP = HttpClient.newHttpClient();
  static final Map<Integer, Schema> SCHEMAS = new HashMap<>();

  public static void main(String[] arguments) throws Exception {
    String brokers = arguments[0], registry = arguments[1], logs = arguments[2], topic = arguments[3];
    int count = Integer.parseInt(arguments[4]);
    Properties properties = new Properties();
    properties.put("bootstrap.servers", brokers);
    properties.put("group.id", "java");
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", "false");
    try (var consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.subscribe(List.of(topic));
      for (int seen = 0; seen < count; ) {
        var records = consumer.poll(Duration.ofSeconds(30));
        if (records.isEmpty()) throw new IllegalStateException("only " + seen + " of " + count);
        for (var record : records) OUT.println(JSON.writeValueAsString(line(record, registry, logs)));
        seen += records.count();
      }
    }
  }

  static Map<String, Object> line(ConsumerRecord<byte[], byte[]> record, String registry, String logs)
      throws Exception {
    byte[] value = record.value();
    var headers = new LinkedHashMap<String, String>();
    for (var header : record.headers()) headers.put(header.key(), hex(header.value()));
    // On audit.events anybody's bytes may lie; on ledger.sealed a header says which are no events.
    boolean isEvent = value[0] == 0 && !headers.containsKey("affidavit-quarantined");
    GenericRecord event = isEvent ? decoded(value, registry) : null;
    var line = new LinkedHashMap<String, Object>();
    line.put("partition", record.partition());
    line.put("offset", record.offset());
    line.put("key", new String(record.key(), StandardCharsets.UTF_8));
    line.put("headers", headers);
    line.put("event", plain(event));
    line.put("value", sha256(value));
    line.put("again", sha256(isEvent ? encoded(event, value) : value));
    line.put("leafHash", headers.containsKey("affidavit-log") ? leafHash(record, event, logs) : null);
    return line;
  }

  static GenericRecord decoded(byte[] value, String registry) throws Exception {
    Schema schema = schema(registry, ByteBuffer.wrap(value, 1, 4).getInt());
    var decoder = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
    var event = new GenericDatumReader<GenericRecord>(schema).read(null, decoder);
    if (!decoder.isEnd()) throw new IllegalStateException("bytes after the event");
    return event;
  }

  static byte[] encoded(GenericRecord event, byte[] value) throws Exception {
    var bytes = new ByteArrayOutputStream();
    bytes.write(value, 0, 5);
    var encoder = EncoderFactory.get().binaryEncoder(bytes, null);
    new GenericDatumWriter<GenericRecord>(event.getSchema()).write(event, encoder);
    encoder.flush();
    return bytes.toByteArray();
  }

  static Schema schema(String registry, int id) throws Exception {
    if (!SCHEMAS.containsKey(id)) {
      var request = HttpRequest.newBuilder(URI.create(registry + "/schemas/ids/" + id)).build();
      var response = HTTP.send(request, BodyHandlers.ofString());
      if (response.statusCode() != 200) throw new IllegalStateException(response.body());
      String text = JSON.readTree(response.body()).get("schema").asText();
      SCHEMAS.put(id, new Schema.Parser().parse(text));
    }
    return SCHEMAS.get(id);
  }

  /** The value as JSON can say it: bytes in hex. */
  static Object plain(Object value) {
    if (value instanceof GenericRecord record) {
      ObjectNode node = JSON.createObjectNode();
      for (var field : record.getSchema().getFields())
        node.set(field.name(), JSON.valueToTree(plain(record.get(field.pos()))));
      return node;
    }
    if (value instanceof List<?> list) {
      var plain = new ArrayList<Object>();
      for (var each : list) plain.add(plain(each));
      return plain;
    }
    if (value instanceof ByteBuffer buffer) {
      byte[] bytes = new byte[buffer.remaining()];
      buffer.duplicate().get(bytes);
      return hex(bytes);
    }
    if (value instanceof GenericFixed fixed) return hex(fixed.bytes());
    if (value == null || value instanceof Number || value instanceof Boolean) return value;
    return value.toString();
  }

  /** The leaf's hash (RFC 6962). Stops unless the leaf is about this record. */
  static String leafHash(ConsumerRecord<byte[], byte[]> record, GenericRecord event, String logs)
      throws Exception {
    String origin = text(record, "affidavit-log");
    byte[] bytes = leaf(Path.of(logs, origin), Integer.parseInt(text(record, "affidavit-position")));
    var leaf = JSON.readTree(bytes);
    boolean isSame =
        leaf.get("csz").asInt() == record.value().length
            && (event == null
                || (leaf.get("evt").asText().equals(event.get("id").toString())
                    && leaf.get("pseq").asLong() == (Long) event.get("producer_seq")));
    if (!isSame) throw new IllegalStateException("the leaf is about another record");
    var digest = MessageDigest.getInstance("SHA-256");
    digest.update((byte) 0);
    return hex(digest.digest(bytes));
  }

  /** One entry of an exported log (C2SP tlog-tiles). */
  static byte[] leaf(Path log, int position) throws Exception {
    int size = Integer.parseInt(Files.readString(log.resolve("checkpoint")).split("\n")[1]);
    int index = position / BUNDLE;
    int width = Math.min(BUNDLE, size - index * BUNDLE);
    String name = String.format("%03d", index) + (width == BUNDLE ? "" : ".p/" + width);
    var bundle = ByteBuffer.wrap(Files.readAllBytes(log.resolve("tile/entries").resolve(name)));
    for (int at = 0; at < position % BUNDLE; at++)
      bundle.position(bundle.position() + 2 + (bundle.getShort(bundle.position()) & 0xffff));
    byte[] leaf = new byte[bundle.getShort() & 0xffff];
    bundle.get(leaf);
    return leaf;
  }

  static String text(ConsumerRecord<byte[], byte[]> record, String header) {
    return new String(record.headers().lastHeader(header).value(), StandardCharsets.UTF_8);
  }

  static String sha256(byte[] bytes) throws Exception {
    return hex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
