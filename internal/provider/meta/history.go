package meta

import (
	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// readChunk reads an element of history (Meta: history webhook reference), which may hold thousands of messages. They are
// counted, not read: whoever wants them has the chunk as it came.
func readChunk(t *traffic, e webhook.Event, item lenient.Object, element lenient.Value) string {
	about, threads := item.Object("metadata"), item.Get("threads")
	h := &webhook.History{
		Phase:    about.Get("phase").Text(),
		Chunk:    about.Get("chunk_order").Text(),
		Progress: about.Get("progress").Text(),
		Errors:   messageErrors(item.Get("errors")),
		Raw:      webhook.Body(element),
	}
	h.Threads, h.Messages = countMessages(threads)
	e.Type, e.Data = webhook.HistoryChunk, h
	switch {
	case len(h.Errors) > 0 && threads.Missing():
		e.Type = webhook.HistoryDeclined
	case len(about) == 0 && threads.Missing():
		return incomplete
	}
	t.events = append(t.events, e)
	return ""
}

func countMessages(list lenient.Value) (threads, messages int) {
	for thread := range list.Elements() {
		threads++
		for member := range thread.Members() {
			if member.Is("messages") {
				for range member.Value.Elements() {
					messages++
				}
			}
		}
	}
	return threads, messages
}

// readOldMessage reads a message of the field history that is not in a chunk: one with media comes again by itself, with
// their ids.
func readOldMessage(t *traffic, e webhook.Event, item lenient.Object, element lenient.Value) string {
	if item.Get("id").Text() == "" {
		return incomplete
	}
	e.Time = t.Time // what it says is when it was written: months ago, perhaps
	e.Type, e.Data = webhook.HistoryChunk, &webhook.History{Messages: 1, Raw: webhook.Body(element)}
	t.events = append(t.events, e)
	return ""
}
