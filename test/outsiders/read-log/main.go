// Read-log checks a log over HTTP (C2SP tlog-tiles) as a monitor does, with the code of golang.org/x/mod, which the Go checksum
// database runs on: the checkpoint's signature, every tile against the root it signs, every entry against the tiles, and that a
// checkpoint seen earlier is of the same history.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height     = 8
	width      = 1 << height
	maxAnswer  = width * (2 + 65535)
	checkpoint = "checkpoint"
)

func main() {
	vkey := flag.String("vkey", "", "the log's verifier key")
	url := flag.String("url", "", "where the log is served, without a slash at its end")
	remembered := flag.String("remembered", "", "a checkpoint seen earlier")
	flag.Parse()
	if *vkey == "" || *url == "" {
		fmt.Fprintln(os.Stderr, "usage: read-log -vkey KEY -url URL [-remembered FILE]")
		os.Exit(2)
	}
	tree, origin, err := read(*url, *vkey, *remembered)
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	fmt.Printf("verified: %s %d %s\n", origin, tree.N, tree.Hash)
}

func read(url, vkey, remembered string) (tlog.Tree, string, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, "", err
	}
	server := &server{url: url}
	signed, err := server.get(checkpoint)
	if err != nil {
		return tlog.Tree{}, "", err
	}
	tree, err := openCheckpoint(signed, verifier)
	if err != nil {
		return tree, "", fmt.Errorf("checkpoint: %w", err)
	}
	hashes := tlog.TileHashReader(tree, server)
	if err := checkEntries(server, tree, hashes); err != nil {
		return tree, "", err
	}
	if remembered != "" {
		if err := checkOlder(remembered, verifier, tree, hashes); err != nil {
			return tree, "", err
		}
	}
	return tree, verifier.Name(), nil
}

func openCheckpoint(signed []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, errors.New("not three lines of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// checkEntries reads every bundle. The reader of hashes has compared the tiles with the root before it gives a hash.
func checkEntries(server *server, tree tlog.Tree, hashes tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += width {
		count := min(width, tree.N-first)
		path := tilePath("entries", first/width, int(count))
		bundle, err := server.get(path)
		if err != nil {
			return err
		}
		indexes := make([]int64, count)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		expected, err := hashes.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, hash := range expected {
			if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("%s ends within entry %d", path, first+int64(i))
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			if tlog.RecordHash(bundle[2:end]) != hash {
				return fmt.Errorf("%s: entry %d is not the one in the tree", path, first+int64(i))
			}
			bundle = bundle[end:]
		}
		if len(bundle) > 0 {
			return fmt.Errorf("%s has bytes after its entries", path)
		}
	}
	return nil
}

func checkOlder(file string, verifier note.Verifier, tree tlog.Tree, hashes tlog.HashReader) error {
	signed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	older, err := openCheckpoint(signed, verifier)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if older.N > tree.N {
		return fmt.Errorf("rolled back from %d entries to %d", older.N, tree.N)
	}
	proof, err := tlog.ProveTree(tree.N, older.N, hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash); err != nil {
		return fmt.Errorf("another history than %s: %w", file, err)
	}
	return nil
}

// server is a tlog.TileReader over HTTP.
type server struct{ url string }

var client = http.Client{Timeout: 30 * time.Second}

func (s *server) get(path string) ([]byte, error) {
	response, err := client.Get(s.url + "/" + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, response.Status)
	}
	var content bytes.Buffer
	_, err = io.Copy(&content, io.LimitReader(response.Body, maxAnswer))
	return content.Bytes(), err
}

func (s *server) Height() int { return height }

func (s *server) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	contents := make([][]byte, len(tiles))
	for i, tile := range tiles {
		content, err := s.get(tilePath(strconv.Itoa(tile.L), tile.N, tile.W))
		if err != nil {
			return nil, err
		}
		contents[i] = content
	}
	return contents, nil
}

func (s *server) SaveTiles([]tlog.Tile, [][]byte) {}

// tilePath is the name in C2SP tlog-tiles; tlog.Tile.Path gives the older one.
func tilePath(level string, n int64, count int) string {
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
