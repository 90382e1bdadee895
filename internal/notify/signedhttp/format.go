package signedhttp

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"unicode/utf8"

	"holdfast/internal/cloudevent"
	"holdfast/internal/notify/sender"
)

// A letter is what one request carries.
type letter struct {
	id     string // of the header webhook-id: the same whenever it is the same
	header http.Header
	body   []byte
}

// write makes the letter of one event. The error may quote the event.
func (d *destination) write(m sender.Message) (letter, error) {
	switch d.format {
	case cloudevent.ModeBinary:
		body, err := m.CloudEvent.DataJSON()
		header := http.Header{"Content-Type": {m.CloudEvent.DataContentType}}
		for _, a := range m.CloudEvent.Attributes() {
			header.Set("ce-"+a.Name, encode(a.Value))
		}
		return letter{m.Event.ID, header, body}, err
	case cloudevent.ModeBatch:
		return writeBatch([]sender.Message{m})
	}
	body, err := m.CloudEvent.JSON()
	return letter{m.Event.ID, http.Header{"Content-Type": {cloudevent.ContentType}}, body}, err
}

// writeBatch makes the letter of several events. Its id is that of their list; of one event alone, its own.
func writeBatch(batch []sender.Message) (letter, error) {
	events := make([]cloudevent.Envelope, len(batch))
	ids := sha256.New()
	for i, m := range batch {
		events[i] = m.CloudEvent
		ids.Write([]byte(m.Event.ID + "\x00"))
	}
	id := batch[0].Event.ID
	if len(batch) > 1 {
		id = "batch-" + hex.EncodeToString(ids.Sum(nil)[:16])
	}
	body, err := cloudevent.Batch(events)
	return letter{id, http.Header{"Content-Type": {cloudevent.BatchContentType}}, body}, err
}

// encode writes the value of an attribute as a header has it (CloudEvents, HTTP Protocol Binding 1.0.2, section 3.1.3.2): printable
// ASCII but space, quotation mark and percent sign stays, every other byte of its UTF-8 becomes % and two digits. What is not
// UTF-8 becomes what it becomes in JSON.
func encode(value string) string {
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, len(value))
	var encoded [utf8.UTFMax]byte
	for _, r := range value {
		if r > ' ' && r < 0x7f && r != '"' && r != '%' {
			out = append(out, byte(r))
			continue
		}
		for _, b := range encoded[:utf8.EncodeRune(encoded[:], r)] {
			out = append(out, '%', digits[b>>4], digits[b&15])
		}
	}
	return string(out)
}
