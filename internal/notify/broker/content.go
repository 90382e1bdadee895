package broker

import (
	"holdfast/internal/cloudevent"
	"holdfast/internal/notify/sender"
	"holdfast/internal/webhook"
)

// The values of the setting format: the content modes of CloudEvents.
const (
	Structured = "structured" // the whole CloudEvent is the body
	Binary     = "binary"     // the body is its data; the rest is in headers
)

// CheckFormat says what is wrong with a format; nil if nothing is.
func CheckFormat(format string) []sender.Problem {
	switch format {
	case "", Structured, Binary:
		return nil
	}
	return []sender.Problem{{Setting: "format", Text: "want structured or binary"}}
}

// Content is an event as it is put into a message.
type Content struct {
	Type       string                 // of the body
	Body       []byte                 // JSON
	Attributes []cloudevent.Attribute // for headers; none in structured mode
}

// Write makes the content of a message.
func Write(e cloudevent.Envelope, format string) (Content, *webhook.Verdict) {
	c := Content{Type: cloudevent.ContentType}
	var err error
	if format == Binary {
		c.Type, c.Attributes = e.DataContentType, e.Attributes()
		c.Body, err = e.DataJSON()
	} else {
		c.Body, err = e.JSON()
	}
	if err != nil { // it quotes what it cannot encode
		return Content{}, &webhook.Verdict{Kind: webhook.Refused, Reason: "event cannot be encoded"}
	}
	return c, nil
}
