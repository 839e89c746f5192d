import java.io.PrintStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.postgresql.PGConnection;

/** What a pgjdbc program does through the edge. Connection by the PG* variables; prints one JSON object. */
public class Client {
  public static void main(String[] arguments) throws Exception {
    Map<String, Object> outcome = new LinkedHashMap<>();
    Properties properties = new Properties();
    properties.setProperty("user", System.getenv("PGUSER"));
    properties.setProperty("password", System.getenv("PGPASSWORD"));
    properties.setProperty("sslmode", "verify-full");
    properties.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
    String url =
        "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
    try (Connection connection = DriverManager.getConnection(url, properties)) {
      try (PreparedStatement select =
          connection.prepareStatement("SELECT ?::int + 1, ?::text, ?::text IS NULL")) {
        select.setInt(1, 41);
        select.setString(2, "na\u00efve");
        select.setNull(3, Types.VARCHAR);
        try (ResultSet row = select.executeQuery()) {
          row.next();
          outcome.put("parameters", "[" + row.getInt(1) + ",\"" + row.getString(2) + "\"," + row.getBoolean(3) + "]");
        }
      }
      int total = 0;
      try (PreparedStatement doubled = connection.prepareStatement("SELECT ?::int * 2")) {
        for (int number = 0; number < 20; number++) {
          doubled.setInt(1, number);
          try (ResultSet row = doubled.executeQuery()) {
            row.next();
            total += row.getInt(1);
          }
        }
      }
      outcome.put("prepared", total);
      total = 0;
      try (PreparedStatement doubled = connection.prepareStatement("SELECT ?::int * 2")) {
        for (int number = 0; number < 20; number++) {
          number(connection, "SELECT client_code()");
          doubled.setInt(1, number);
          try (ResultSet row = doubled.executeQuery()) {
            row.next();
            total += row.getInt(1);
          }
        }
      }
      outcome.put("prepared_after_code", total);
      outcome.put("error", quoted(failure(connection, "SELECT no_such_column FROM client_rows")));
      outcome.put("after_error", number(connection, "SELECT 1"));

      connection.setAutoCommit(false);
      try (PreparedStatement insert = connection.prepareStatement("INSERT INTO client_rows VALUES (?, ?)")) {
        insert.setInt(1, 900004);
        insert.setString(2, "pgjdbc");
        insert.executeUpdate();
      }
      try (Statement delete = connection.createStatement()) {
        delete.executeUpdate("DELETE FROM client_rows WHERE id = 900004");
      }
      connection.commit();
      connection.setAutoCommit(true);

      var copies = connection.unwrap(PGConnection.class).getCopyAPI();
      StringWriter lines = new StringWriter();
      copies.copyOut("COPY client_rows TO STDOUT", lines);
      outcome.put("copy_out", lines.toString().lines().count());
      String data = IntStream.range(0, 1000).mapToObj(id -> id + "\tpgjdbc\n").collect(Collectors.joining());
      outcome.put("copy_in", copies.copyIn("COPY client_copies FROM STDIN", new StringReader(data)));

      connection.setAutoCommit(false);
      int large = 0;
      try (Statement select = connection.createStatement()) {
        // In portions, by a portal that is executed many times.
        select.setFetchSize(1000);
        try (ResultSet rows = select.executeQuery("SELECT * FROM generate_series(1, 50000)")) {
          while (rows.next()) if (++large == 10000) number(connection, "SELECT client_code()");
        }
      }
      connection.commit();
      connection.setAutoCommit(true);
      outcome.put("large", large);

      try (Statement sleep = connection.createStatement()) {
        Thread canceller =
            new Thread(
                () -> {
                  try {
                    Thread.sleep(500);
                    sleep.cancel();
                  } catch (Exception ignored) {
                    // The outcome will say that nothing was cancelled.
                  }
                });
        canceller.start();
        try {
          sleep.execute("SELECT pg_sleep(30)");
        } catch (SQLException cancelled) {
          outcome.put("cancelled", quoted(cancelled.getSQLState()));
        }
        canceller.join();
      }
      outcome.put("blocked", quoted(failure(connection, "DROP TABLE client_rows")));
      outcome.put("after_block", number(connection, "SELECT 2"));
    }
    new PrintStream(System.out, true, StandardCharsets.UTF_8).println(
        outcome.entrySet().stream()
            .map(entry -> quoted(entry.getKey()) + ":" + entry.getValue())
            .collect(Collectors.joining(",", "{", "}")));
  }

  private static String failure(Connection connection, String sql) {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
      return "none";
    } catch (SQLException failed) {
      return failed.getSQLState();
    }
  }

  private static int number(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getInt(1);
    }
  }

  private static String quoted(String text) {
    return "\"" + text + "\"";
  }
}
