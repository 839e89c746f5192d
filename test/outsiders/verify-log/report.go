package main

import (
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// leaf is what an entry says of its event, as far as a report repeats it.
type leaf struct {
	Type     string `json:"type"`
	Event    string `json:"evt"`
	Producer string `json:"prod"`
	Number   int64  `json:"pseq"`
	Occurred string `json:"et"`
	Received string `json:"rt"`
	RepeatOf *int64 `json:"dupOf"`
	Index    struct {
		Type    string `json:"type"`
		Outcome string `json:"outcome"`
	} `json:"ix"`
}

type reportHead struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   string `json:"root"`
}

type manifest struct {
	Period      struct{ From, To string } `json:"period"`
	Checkpoints []reportHead              `json:"checkpoints"`
	Population  struct {
		File string `json:"file"`
	} `json:"population"`
}

// checkReport compares the population of a report, a bundle that was unpacked to dir, with the entries: those of the period are its
// rows, no more, no fewer, and the same. That the files are the ones the reporter signed is for VERIFY.md.
func (l *log) checkReport(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return refusal{"manifest.json", err.Error()}
	}
	var report manifest
	if err := json.Unmarshal(text, &report); err != nil {
		return refusal{"manifest.json", err.Error()}
	}
	at := slices.IndexFunc(report.Checkpoints, func(head reportHead) bool { return head.Origin == l.origin })
	if at < 0 {
		return refusal{"manifest.json", "is of no report on this log"}
	}
	head := report.Checkpoints[at]
	if head.Size > l.size {
		return refusal{"manifest.json", fmt.Sprintf("stands on %d entries, the log has %d", head.Size, l.size)}
	}
	root, err := tlog.TreeHash(head.Size, l)
	if err != nil || hex.EncodeToString(root[:]) != head.Root {
		return refusal{"manifest.json", "stands on another log: the entries give " + root.String()}
	}
	rows, err := l.rowsOf(filepath.Join(dir, filepath.FromSlash(report.Population.File)))
	if err != nil {
		return err
	}
	from, to := microseconds(report.Period.From), microseconds(report.Period.To)
	for seq, entry := range l.leaves[:head.Size] {
		row, found := rows[int64(seq)]
		delete(rows, int64(seq))
		isRepeat, err := l.isRepeat(entry)
		if err != nil {
			return refusal{"entry " + strconv.Itoa(seq), err.Error()}
		}
		belongs := entry.Type == "event" && entry.Index.Type != "quarantined" && !isRepeat &&
			entry.Occurred >= from && entry.Occurred < to
		if belongs != found {
			what := "has an entry that is no event of the period"
			if belongs {
				what = "leaves out an entry of the period"
			}
			return refusal{report.Population.File, fmt.Sprintf("%s: %d", what, seq)}
		}
		if belongs && !slices.Equal(row, l.rowOf(int64(seq), entry)) {
			return refusal{report.Population.File, fmt.Sprintf("says something else than the log of entry %d", seq)}
		}
	}
	for seq := range rows {
		return refusal{report.Population.File, fmt.Sprintf("has an entry behind its checkpoint: %d", seq)}
	}
	return nil
}

func (l *log) isRepeat(entry leaf) (bool, error) {
	if entry.RepeatOf == nil {
		return false, nil
	}
	if *entry.RepeatOf < 0 || *entry.RepeatOf >= int64(len(l.leaves)) {
		return true, fmt.Errorf("repeats no entry")
	}
	first := l.leaves[*entry.RepeatOf]
	if first.Event != entry.Event || first.Producer != entry.Producer || first.Number != entry.Number {
		return true, fmt.Errorf("is called a repeat of another event")
	}
	return true, nil
}

var columns = []string{
	"ledger_index", "event_id", "producer", "producer_seq", "event_type", "occurred_at", "received_at", "outcome", "leaf_hash",
}

// rowOf is what the columns must hold for an entry. Cells that begin as a formula have an apostrophe before them.
func (l *log) rowOf(seq int64, entry leaf) []string {
	hash := l.hashes[tlog.StoredHashIndex(0, seq)]
	row := []string{
		strconv.FormatInt(seq, 10), entry.Event, entry.Producer, strconv.FormatInt(entry.Number, 10), entry.Index.Type,
		entry.Occurred, entry.Received, entry.Index.Outcome, hex.EncodeToString(hash[:]),
	}
	for i, cell := range row {
		if cell != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(cell)[0]) {
			row[i] = "'" + cell
		}
	}
	return row
}

// rowsOf reads the rows of this log, reduced to the columns that a leaf says as well.
func (l *log) rowsOf(file string) (map[int64][]string, error) {
	name := filepath.Base(file)
	reader, err := os.Open(file)
	if err != nil {
		return nil, refusal{name, err.Error()}
	}
	defer reader.Close()
	all, err := csv.NewReader(reader).ReadAll()
	if err != nil || len(all) == 0 {
		return nil, refusal{name, "is no CSV file with a header"}
	}
	places := make([]int, len(columns))
	for i, column := range columns {
		if places[i] = slices.Index(all[0], column); places[i] < 0 {
			return nil, refusal{name, "has no column " + column}
		}
	}
	logAt := slices.Index(all[0], "log")
	if logAt < 0 {
		return nil, refusal{name, "has no column log"}
	}
	rows := map[int64][]string{}
	for _, cells := range all[1:] {
		if cells[logAt] != l.origin {
			continue
		}
		row := make([]string, len(columns))
		for i, place := range places {
			row[i] = cells[place]
		}
		seq, err := strconv.ParseInt(row[0], 10, 64)
		if _, known := rows[seq]; err != nil || known {
			return nil, refusal{name, "names an entry twice, or none: " + row[0]}
		}
		rows[seq] = row
	}
	return rows, nil
}

func microseconds(time string) string { return strings.TrimSuffix(time, "Z") + ".000000Z" }
