// Cross-check answers questions about notes and proofs with golang.org/x/mod, so that tests can compare our answers with those of
// code that is not ours. It reads one JSON document from standard input and writes one to standard output.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type questions struct {
	// A tree over the records "entry 0", "entry 1", … of this many leaves, and all its proofs.
	TreeSize    int64         `json:"treeSize"`
	Notes       []signedNote  `json:"notes"`
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
	// Names of keys to make and to sign a note with.
	Sign []signing `json:"sign"`
}

type signedNote struct {
	Vkey string `json:"vkey"`
	Note []byte `json:"note"`
}

type inclusion struct {
	Index int64       `json:"index"`
	Size  int64       `json:"size"`
	Leaf  tlog.Hash   `json:"leaf"`
	Root  tlog.Hash   `json:"root"`
	Path  []tlog.Hash `json:"path"`
}

type consistency struct {
	OldSize int64       `json:"oldSize"`
	NewSize int64       `json:"newSize"`
	OldRoot tlog.Hash   `json:"oldRoot"`
	NewRoot tlog.Hash   `json:"newRoot"`
	Path    []tlog.Hash `json:"path"`
}

type signing struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

type answers struct {
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
	// What the notes say, null for those that are refused.
	Texts            []*string    `json:"texts"`
	InclusionHolds   []bool       `json:"inclusionHolds"`
	ConsistencyHolds []bool       `json:"consistencyHolds"`
	Signed           []signedNote `json:"signed"`
}

func main() {
	var asked questions
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fail(err)
	}
	var answer answers
	answer.prove(asked.TreeSize)
	for _, n := range asked.Notes {
		answer.Texts = append(answer.Texts, textOf(n))
	}
	for _, p := range asked.Inclusion {
		err := tlog.CheckRecord(p.Path, p.Size, p.Root, p.Index, p.Leaf)
		answer.InclusionHolds = append(answer.InclusionHolds, err == nil)
	}
	for _, p := range asked.Consistency {
		err := tlog.CheckTree(p.Path, p.NewSize, p.NewRoot, p.OldSize, p.OldRoot)
		answer.ConsistencyHolds = append(answer.ConsistencyHolds, err == nil)
	}
	for _, s := range asked.Sign {
		answer.Signed = append(answer.Signed, sign(s))
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		fail(err)
	}
}

type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		found[i] = m[index]
	}
	return found, nil
}

func (a *answers) prove(size int64) {
	var hashes memory
	leaves, roots := []tlog.Hash{}, []tlog.Hash{{}}
	for n := range size {
		leaf := tlog.RecordHash([]byte("entry " + strconv.FormatInt(n, 10)))
		stored := must(tlog.StoredHashesForRecordHash(n, leaf, hashes))
		hashes = append(hashes, stored...)
		leaves = append(leaves, leaf)
		root := must(tlog.TreeHash(n+1, hashes))
		roots = append(roots, root)
		for index := range n + 1 {
			// Copied so that an empty path is an empty list in JSON too.
			path := append([]tlog.Hash{}, must(tlog.ProveRecord(n+1, index, hashes))...)
			a.Inclusion = append(a.Inclusion, inclusion{index, n + 1, leaves[index], root, path})
			path = append([]tlog.Hash{}, must(tlog.ProveTree(n+1, index+1, hashes))...)
			a.Consistency = append(a.Consistency, consistency{index + 1, n + 1, roots[index+1], root, path})
		}
	}
}

func textOf(n signedNote) *string {
	verifier, err := note.NewVerifier(n.Vkey)
	if err != nil {
		return nil
	}
	opened, err := note.Open(n.Note, note.VerifierList(verifier))
	if err != nil {
		return nil
	}
	return &opened.Text
}

func sign(s signing) signedNote {
	skey, vkey, err := note.GenerateKey(nil, s.Name)
	if err != nil {
		fail(err)
	}
	signer := must(note.NewSigner(skey))
	return signedNote{vkey, must(note.Sign(&note.Note{Text: s.Text}, signer))}
}

func must[T any](value T, err error) T {
	if err != nil {
		fail(err)
	}
	return value
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}
