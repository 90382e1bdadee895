package reference

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/tools/txtar"

	"holdfast/internal/cloudevent"
	"holdfast/internal/webhook"
)

// received is when the webhooks of stories arrive; see providertest.
var received = time.Date(2026, 9, 21, 17, 0, 0, 0, time.UTC)

// longest is how much of an example a page should show, in bytes.
const longest = 2000

// A telling is an event of a story, as a destination is told of it.
type telling struct {
	story string // the file
	event webhook.Event
	body  []byte // the CloudEvent
}

// tellings reads the stories of all providers: of Meta first, because others relay what it says, then by name.
func tellings(repository fs.FS) ([]telling, error) {
	files, err := fs.Glob(repository, "internal/provider/*/testdata/*.txtar")
	if err != nil {
		return nil, fmt.Errorf("find stories: %w", err)
	}
	slices.SortStableFunc(files, func(a, b string) int {
		return cmp.Compare(strings.Count(b, "/meta/"), strings.Count(a, "/meta/"))
	})
	var out []telling
	for _, file := range files {
		told, err := tellStory(repository, file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		out = append(out, told...)
	}
	return out, nil
}

// tellStory does with the events of a story what happens to them on their way: they get ids, and times where they have none.
// Ids are of the form of real ones, without an installation's key.
func tellStory(repository fs.FS, file string) ([]telling, error) {
	text, err := fs.ReadFile(repository, file)
	if err != nil {
		return nil, fmt.Errorf("read story: %w", err)
	}
	var body, events []byte
	for _, f := range txtar.Parse(text).Files {
		switch f.Name {
		case "webhook.json":
			body = f.Data
		case "events.json":
			events = f.Data
		}
	}
	room := path.Dir(path.Dir(file))
	if body == nil {
		name := strings.TrimSuffix(path.Base(file), ".txtar") + ".json"
		if body, err = fs.ReadFile(repository, path.Join(room, "samples", name)); err != nil {
			return nil, fmt.Errorf("read sample: %w", err)
		}
	}
	var in []json.RawMessage
	if err := json.Unmarshal(events, &in); err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	var out []telling
	for i, one := range in {
		var e webhook.Event
		if err := json.Unmarshal(one, &e); err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
		e.Provider = path.Base(room)
		e.Source = e.Provider + "-main"
		e.Webhook = webhook.ID(e.Source, body)
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", e.Webhook, i))
		e.ID = "evt_" + hex.EncodeToString(sum[:16])
		if e.Time.IsZero() {
			e.Time, e.TimeAssumed = received, true
		}
		told, err := cloudevent.Encode(e)
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
		out = append(out, telling{file, e, told})
	}
	return out, nil
}

// example chooses what to show of a type: of the first provider that tells of it, the story that is named after it, or
// else the one that says most and is not too long. Nil if no story tells of the type.
func example(all []telling, t webhook.Type) *telling {
	var best *telling
	for i := range all {
		one := &all[i]
		if one.event.Type == t && (best == nil || one.event.Provider == best.event.Provider && one.rank() > best.rank()) {
			best = one
		}
	}
	return best
}

// rank says how good an example a telling is.
func (t *telling) rank() int {
	rank := len(t.body)
	if rank > longest {
		rank = -rank
	}
	if named := strings.NewReplacer(".", "-", "_", "-").Replace(string(t.event.Type)); path.Base(t.story) == named+".txtar" {
		rank += 1 << 30
	}
	if t.event.Test {
		rank -= 1 << 31
	}
	return rank
}
