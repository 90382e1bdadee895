package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A Report is what the files of a spool hold.
type Report struct {
	Held    bool          `json:"held"`              // a process has the spool open
	Holder  int           `json:"process,omitempty"` // its id, if it says so
	Queues  []QueueReport `json:"queues"`
	Damaged []Range       `json:"damaged,omitempty"` // what cannot be read
	Torn    []Range       `json:"torn,omitempty"`    // what was not written to its end: cut off when the spool is opened
}

// A QueueReport is what the files of one queue hold.
type QueueReport struct {
	Name string `json:"name"` // urgent, bulk or aside
	Stats
	Kept []string `json:"kept,omitempty"` // files that are kept because of damage; nothing in them waits any more
}

// Inspect reads every byte of a spool, without its lock and without changing anything. Each entry that waits is told, if
// somebody asks, with its queue; its data are valid until each returns. What a process does meanwhile may be seen or not,
// and what it is writing may look torn.
func Inspect(dir string, each func(queue string, e Entry) error) (Report, error) {
	var report Report
	var err error
	if info, statErr := os.Stat(dir); statErr != nil {
		return report, fmt.Errorf("look at spool: %w", statErr)
	} else if !info.IsDir() {
		return report, fmt.Errorf("look at spool: %s is not a directory", dir)
	}
	if report.Holder, report.Held, err = lockedBy(dir); err != nil {
		return report, err
	}
	for _, queue := range names() {
		if err := report.inspect(dir, queue, each); err != nil {
			return report, fmt.Errorf("look at spool: %w", err)
		}
	}
	return report, nil
}

func (r *Report) inspect(dir, queue string, each func(string, Entry) error) error {
	list, _, err := segmentNames(filepath.Join(dir, queue))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out := QueueReport{Name: queue}
	var tell func(Entry) error
	if each != nil {
		tell = func(e Entry) error { return each(queue, e) }
	}
	var l loader
	for _, n := range list {
		if n.damaged {
			out.Kept = append(out.Kept, n.path())
			out.Bytes += fileSize(n.path()) + fileSize(n.base+doneEnd)
			continue
		}
		s, found, err := l.load(n, tell)
		if errors.Is(err, fs.ErrNotExist) { // done meanwhile
			continue
		}
		if err != nil {
			return err
		}
		r.Damaged = append(r.Damaged, found.bad...)
		if found.torn < found.size {
			r.Torn = append(r.Torn, Range{n.path(), found.torn, found.size})
		}
		out.Segments++
		out.Entries += s.left
		out.Bytes += s.size + s.recorded
		if out.Oldest.IsZero() {
			out.Oldest = s.oldest()
		}
	}
	r.Queues = append(r.Queues, out)
	return nil
}
