package innopaas

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// Why something is unrecognized. A closed set: never anything of the body.
const (
	notJSON       = "not JSON"
	unknownObject = "unknown object"
	unknownType   = "unknown field"
	unknownEvent  = "unknown event"
	incomplete    = "members missing or malformed"
	badAccount    = "malformed account id"
	noAccount     = "no account id"
	badTemplate   = "malformed template id"
	noPhone       = "no phone number"
	badUser       = "malformed user id"
)

// A notice is a webhook of InnoPaaS: an envelope with one event (InnoPaaS: Configure WebHook).
type notice struct {
	*Provider
	id    string         // of the envelope
	event webhook.Event  // what the envelope says: field, account and time
	body  lenient.Object // what happened
	raw   lenient.Value  // the same, as it came
	whole []byte         // with the envelope
}

// A reader makes the events of a notice. The reason is empty unless it is not understood.
type reader func(n notice) (events []webhook.Event, reason string)

// The kinds that are message traffic.
const (
	statusKind  = "message_status_update"
	messageKind = "mo_message_receive"
)

// kind is the name of a type of event, however it is spelled: InnoPaaS writes the same one with and without its final d.
func kind(name string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(name), "whatsapp_"), "d")
}

func read(kind string) reader {
	switch kind {
	case statusKind:
		return readStatus
	case messageKind:
		return readMessage
	case "template_status_update":
		return readTemplateStatus
	case "message_template_quality_update", "template_quality_update":
		return readTemplateQuality
	case "template_category_update":
		return readTemplateCategory
	case "account_review_update":
		return readReview
	case "phone_number_name_update":
		return readName
	case "phone_number_quality_update":
		return readQuality
	}
	return nil
}

// Normalize finds the event in a body, and what a person wants if it says so by the way. InnoPaaS's OTP product sends
// bodies without the envelope: they are unrecognized.
func (p *Provider) Normalize(body []byte, _ time.Time) []webhook.Event {
	if !json.Valid(body) {
		return []webhook.Event{webhook.Event{}.Unrecognized(notJSON, body)}
	}
	whole := lenient.Cut(body)
	top, reason := whole.Object()
	field := top.Get("type").Text()
	switch {
	case reason != "":
		return []webhook.Event{webhook.Event{}.Unrecognized(reason, body)}
	case !webhook.ValidField(field) || len(top.Get("body")) == 0:
		return []webhook.Event{webhook.Event{}.Unrecognized(unknownObject, body)}
	}
	n := notice{Provider: p, id: top.Get("id").Text(), event: webhook.Event{Field: field}, raw: top.Get("body"), whole: body}
	n.event.Time, n.event.ZoneAssumed = p.clock.read(top.Get("eventTime"))
	if reason := lenient.Flaw(whole); reason != "" {
		return n.unrecognized(reason)
	}
	if n.body, reason = n.raw.Object(); reason != "" {
		return n.unrecognized(reason)
	}
	switch account := n.body.Get("wabaId"); {
	case webhook.ValidID(account.Text()):
		n.event.Account = account.Text()
	case !account.Missing() && string(account) != `""`:
		return n.unrecognized(badAccount)
	}
	reading := read(kind(field))
	if reading == nil {
		return n.unrecognized(unknownType)
	}
	events, reason := reading(n)
	if reason != "" {
		return n.unrecognized(reason)
	}
	return events
}

func (n notice) unrecognized(reason string) []webhook.Event {
	n.event.Key = n.key()
	return []webhook.Event{n.event.Unrecognized(reason, n.whole)}
}

// key tells a notice from every other, but not from its own redelivery: by what happened, and when. Whether a redelivery
// keeps the id of the envelope is not documented, so that is used only where there is no time.
func (n notice) key() string {
	switch {
	case !n.event.Time.IsZero():
		sum := sha256.Sum256(lenient.Canonical(n.raw))
		return webhook.Key(kind(n.event.Field), strconv.FormatInt(n.event.Time.UnixMilli(), 10), hex.EncodeToString(sum[:]))
	case n.id != "":
		return webhook.Key("id", n.id)
	}
	return ""
}

// number reads the digits of a number that is a person's, who may be missing. It is not ok if there is something else.
func number(v lenient.Value) (digits string, ok bool) {
	digits = strings.TrimPrefix(strings.TrimSpace(v.Text()), "+")
	return digits, digits == "" || webhook.ValidID(digits)
}

// ours reads a business number, as far as it is fit to name something.
func ours(o lenient.Object, names ...string) webhook.Phone {
	for _, name := range names {
		if number := lenient.Digits(o.Get(name).Text()); webhook.ValidID(number) {
			return webhook.Phone{Number: number}
		}
	}
	return webhook.Phone{}
}

// unlessNone is a reason, or nothing where it is written as NONE.
func unlessNone(v lenient.Value) string {
	text := v.Text()
	if strings.EqualFold(text, "NONE") {
		return ""
	}
	return text
}

// Peek decodes no more of the body than its account. It is urgent unless it is message traffic.
func (p *Provider) Peek(body []byte) webhook.Peek {
	var peek webhook.Peek
	for member := range lenient.Cut(body).Members() {
		switch {
		case member.Is("type"):
			field := member.Value.Text()
			peek.AddField(field)
			peek.Urgent = !slices.Contains([]string{statusKind, messageKind}, kind(field))
		case member.Is("body"):
			for member := range member.Value.Members() {
				if member.Is("wabaId") {
					peek.AddAccount(member.Value.Text())
				}
			}
		}
	}
	return peek
}
