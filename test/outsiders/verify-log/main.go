// Verify-log checks a log that Affidavit exported (C2SP tlog-tiles) with code that is not Affidavit's: the hashing and the notes are
// those of golang.org/x/mod, which the Go checksum database runs on. It takes no hash from the log on trust: the tree is computed
// from the entries and every tile compared with it.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	width       = 256
	hashBytes   = tlog.HashSize
	maxFileSize = width * (2 + 65535)
)

type checkpoint struct {
	size int64
	root tlog.Hash
}

// refusal says which file is not as it should be, and why.
type refusal struct{ file, why string }

func (r refusal) Error() string { return fmt.Sprintf("refused: %s %s", r.file, r.why) }

func main() {
	vkey := flag.String("vkey", "", "the log's verifier key, or @FILE that holds it")
	origin := flag.String("origin", "", "the log's origin")
	var remembered []string
	flag.Func("remembered", "a checkpoint seen earlier; may be given several times", func(file string) error {
		remembered = append(remembered, file)
		return nil
	})
	report := flag.String("report", "", "a report on the log, unpacked: its population is compared with the entries")
	flag.Parse()
	if flag.NArg() != 1 || *vkey == "" || *origin == "" {
		fmt.Fprintln(os.Stderr, "usage: verify-log -vkey KEY|@FILE -origin ORIGIN [-remembered FILE]... [-report DIRECTORY] DIRECTORY")
		os.Exit(2)
	}
	head, err := verify(flag.Arg(0), *vkey, *origin, remembered, *report)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Printf("verified: %s %d %s\n", *origin, head.size, head.root)
}

func verify(dir, vkey, origin string, remembered []string, report string) (checkpoint, error) {
	if file, ok := strings.CutPrefix(vkey, "@"); ok {
		content, err := os.ReadFile(file)
		if err != nil {
			return checkpoint{}, refusal{file, err.Error()}
		}
		vkey = strings.TrimSuffix(string(content), "\n")
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return checkpoint{}, refusal{"vkey", err.Error()}
	}
	if verifier.Name() != origin {
		return checkpoint{}, refusal{"vkey", "names another log: " + verifier.Name()}
	}
	head, err := openCheckpoint(dir, "checkpoint", origin, verifier)
	if err != nil {
		return head, err
	}
	if beside, err := os.ReadFile(filepath.Join(dir, "log.vkey")); err == nil && string(beside) != vkey {
		return head, refusal{"log.vkey", "is another key than the one you trust"}
	}
	log := &log{dir: dir, origin: origin, size: head.size}
	if err := log.readEntries(); err != nil {
		return head, err
	}
	root, err := tlog.TreeHash(head.size, log)
	if err != nil || root != head.root {
		return head, refusal{"checkpoint", fmt.Sprintf("signs root %s, the entries give %s", head.root, root)}
	}
	if err := log.checkFiles(); err != nil {
		return head, err
	}
	for _, file := range remembered {
		older, err := openCheckpoint(filepath.Dir(file), filepath.Base(file), origin, verifier)
		if err != nil {
			return head, err
		}
		if older.size > head.size {
			return head, refusal{"checkpoint", fmt.Sprintf("covers %d entries, but %d were signed before: rolled back", head.size, older.size)}
		}
		root, err := tlog.TreeHash(older.size, log)
		if err != nil || root != older.root {
			return head, refusal{"checkpoint", fmt.Sprintf("contradicts %s: the first %d entries were others", filepath.Base(file), older.size)}
		}
	}
	if report != "" {
		if err := log.checkReport(report); err != nil {
			return head, err
		}
	}
	return head, nil
}

// openCheckpoint takes exactly three lines, signed: extension lines are refused.
func openCheckpoint(dir, file, origin string, verifier note.Verifier) (checkpoint, error) {
	content, err := readFile(dir, file)
	if err != nil {
		return checkpoint{}, err
	}
	signed, err := note.Open(content, note.VerifierList(verifier))
	if err != nil {
		return checkpoint{}, refusal{file, err.Error()}
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return checkpoint{}, refusal{file, "does not have three lines"}
	}
	if lines[0] != origin {
		return checkpoint{}, refusal{file, "is of another log: " + lines[0]}
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return checkpoint{}, refusal{file, "has no size"}
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || root.String() != lines[2] {
		return checkpoint{}, refusal{file, "has no root"}
	}
	return checkpoint{size, root}, nil
}

// log holds the tree that its entries give, in the layout of tlog.StoredHashIndex.
type log struct {
	dir, origin string
	size        int64
	hashes      []tlog.Hash
	last        tlog.Hash
	leaves      []leaf
}

func (l *log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(l.hashes)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		found[i] = l.hashes[index]
	}
	return found, nil
}

func (l *log) readEntries() error {
	for n := int64(0); n*width < l.size; n++ {
		count := min(width, l.size-n*width)
		file := tilePath("entries", n, count)
		bundle, err := readFile(l.dir, file)
		if err != nil {
			return err
		}
		for i := int64(0); i < count; i++ {
			if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
				return refusal{file, fmt.Sprintf("ends within entry %d", n*width+i)}
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			if err := l.add(file, n*width+i, bundle[2:end]); err != nil {
				return err
			}
			bundle = bundle[end:]
		}
		if len(bundle) > 0 {
			return refusal{file, fmt.Sprintf("has %d bytes after its entries", len(bundle))}
		}
	}
	return nil
}

// add checks what the leaf says about its place: log, seq, and in prev the hash of the leaf before.
func (l *log) add(file string, seq int64, entry []byte) error {
	why := func(what string) error { return refusal{file, fmt.Sprintf("entry %d %s", seq, what)} }
	var members map[string]json.RawMessage
	if err := json.Unmarshal(entry, &members); err != nil {
		return why("is not a JSON object")
	}
	var said leaf
	if err := json.Unmarshal(entry, &said); err != nil {
		return why("is no leaf")
	}
	l.leaves = append(l.leaves, said)
	var origin, prev string
	var position int64
	if json.Unmarshal(members["log"], &origin) != nil || origin != l.origin {
		return why("is of another log")
	}
	if json.Unmarshal(members["seq"], &position) != nil || position != seq {
		return why("says that it stands elsewhere")
	}
	if json.Unmarshal(members["prev"], &prev) != nil {
		return why("does not name the entry before")
	}
	before := l.last
	if seq == 0 {
		var err error
		if before, err = l.genesisHash(prev); err != nil {
			return err
		}
	}
	if prev != before.String() {
		return why("does not follow the entry before")
	}
	l.last = tlog.RecordHash(entry)
	stored, err := tlog.StoredHashesForRecordHash(seq, l.last, l)
	if err != nil {
		return why(err.Error())
	}
	l.hashes = append(l.hashes, stored...)
	return nil
}

// genesisHash is the hash of the genesis record, which entry 0 names; of what entry 0 says where an export leaves the record out.
func (l *log) genesisHash(prev string) (tlog.Hash, error) {
	if _, err := os.Lstat(filepath.Join(l.dir, "genesis.json")); err != nil {
		decoded, err := base64.StdEncoding.Strict().DecodeString(prev)
		if err != nil || len(decoded) != hashBytes {
			return tlog.Hash{}, refusal{tilePath("entries", 0, min(width, l.size)), "entry 0 names no genesis record"}
		}
		return tlog.Hash(decoded), nil
	}
	genesis, err := readFile(l.dir, "genesis.json")
	return sha256.Sum256(genesis), err
}

var pathPattern = regexp.MustCompile(`^tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?$`)

// checkFiles compares every tile there must be with the tree, and refuses files that nobody vouches for.
func (l *log) checkFiles() error {
	expected := map[string]bool{"checkpoint": true, "genesis.json": true, "log.vkey": true}
	for kind, hashes := -1, l.size; hashes > 0; kind++ {
		for n := int64(0); n*width < hashes; n++ {
			file := tilePath(level(kind), n, min(width, hashes-n*width))
			expected[file] = true
			if err := l.checkTile(file, kind, n, min(width, hashes-n*width)); err != nil {
				return err
			}
		}
		if kind >= 0 {
			hashes /= width
		}
	}
	return filepath.WalkDir(l.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return refusal{path, err.Error()}
		}
		name, _ := filepath.Rel(l.dir, path)
		name = filepath.ToSlash(name)
		if entry.IsDir() || expected[name] {
			return nil
		}
		return l.checkOlderPartial(name)
	})
}

// checkTile compares a hash tile. Bundles were read in full before.
func (l *log) checkTile(file string, kind int, n, count int64) error {
	if kind < 0 {
		return nil
	}
	content, err := readFile(l.dir, file)
	if err != nil {
		return err
	}
	if int64(len(content)) != count*hashBytes {
		return refusal{file, fmt.Sprintf("has %d bytes, not %d", len(content), count*hashBytes)}
	}
	for i := int64(0); i < count; i++ {
		want := l.hashes[tlog.StoredHashIndex(8*kind, n*width+i)]
		if !bytes.Equal(content[i*hashBytes:(i+1)*hashBytes], want[:]) {
			return refusal{file, fmt.Sprintf("hash %d is not what the entries give", i)}
		}
	}
	return nil
}

// checkOlderPartial allows the partial tiles of earlier checkpoints: they hold the beginning of the tile that is there now.
func (l *log) checkOlderPartial(file string) error {
	parts := pathPattern.FindStringSubmatch(file)
	if parts == nil || parts[3] == "" {
		return refusal{file, "does not belong to this log"}
	}
	kind, total := -1, l.size
	if parts[1] != "entries" {
		kind, _ = strconv.Atoi(parts[1])
		for range kind {
			total /= width
		}
	}
	n, _ := strconv.ParseInt(strings.NewReplacer("x", "", "/", "").Replace(parts[2]), 10, 64)
	count, _ := strconv.ParseInt(parts[3], 10, 64)
	now := min(width, total-n*width)
	if count >= now || tilePath(parts[1], n, count) != file {
		return refusal{file, "does not belong to this log"}
	}
	content, err := readFile(l.dir, file)
	if err != nil {
		return err
	}
	whole, err := readFile(l.dir, tilePath(parts[1], n, now))
	if err != nil {
		return err
	}
	if int64(len(content)) != prefixLength(whole, kind, count) || !bytes.HasPrefix(whole, content) {
		return refusal{file, "differs from the tile that replaced it"}
	}
	return nil
}

// prefixLength is how many bytes the first count hashes or entries of a tile that was checked take.
func prefixLength(tile []byte, kind int, count int64) int64 {
	if kind >= 0 {
		return count * hashBytes
	}
	at := 0
	for range count {
		at += 2 + int(binary.BigEndian.Uint16(tile[at:]))
	}
	return int64(at)
}

func level(kind int) string {
	if kind < 0 {
		return "entries"
	}
	return strconv.Itoa(kind)
}

// tilePath is the name in C2SP tlog-tiles; tlog.Tile.Path gives the older one.
func tilePath(level string, n, count int64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if count < width {
		path = fmt.Sprintf("%s.p/%d", path, count)
	}
	return "tile/" + level + "/" + path
}

// readFile follows no link and reads nothing that is larger than any file of a log may be.
func readFile(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	info, err := os.Lstat(path)
	if err != nil {
		return nil, refusal{name, "is missing"}
	}
	if !info.Mode().IsRegular() || info.Size() > maxFileSize {
		return nil, refusal{name, "is not a file of a log"}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, refusal{name, err.Error()}
	}
	return content, nil
}
