package broker

import (
	"holdfast/internal/cloudevent"
	"holdfast/internal/notify/sender"
	"holdfast/internal/webhook"
)

// CheckFormat says what is wrong with a format; nil if nothing is.
func CheckFormat(format string) []sender.Problem {
	switch format {
	case "", cloudevent.ModeStructured, cloudevent.ModeBinary:
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
	if format == cloudevent.ModeBinary {
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
