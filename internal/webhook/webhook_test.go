package webhook

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Every byte of a body survives, whatever it is, and text stays readable.
func TestBodySurvives(t *testing.T) {
	for name, body := range map[string]string{
		"empty":         "",
		"json":          `{"a": "<b> & \u00e9 \/ é 👍"}`,
		"separators":    "\u2028\u2029\x00\x7f\r\n\t",
		"invalid utf-8": "{\"a\":\"\xff\xfe\xc3\x28\"}",
		"cut emoji":     "\xf0\x9f\x91",
		"replacement":   "\ufffd",
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(Body(body))
			if err != nil {
				t.Fatal(err)
			}
			var back Body
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			if string(back) != body {
				t.Errorf("got %q, want %q", back, body)
			}
		})
	}
	if text, _ := json.Marshal(Body(`{"a":1}`)); string(text) != `"{\"a\":1}"` {
		t.Errorf("a text body is not a string: %s", text)
	}
}

func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"a":1}`))
	f.Add([]byte{0xff, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		text, err := json.Marshal(Body(body))
		if err != nil {
			t.Fatal(err)
		}
		var back Body
		if err := json.Unmarshal(text, &back); err != nil || !bytes.Equal(back, body) {
			t.Fatalf("%q came back as %q: %v", body, back, err)
		}
	})
}

// The id is a contract with workflow ids that are out there.
func TestID(t *testing.T) {
	if got, want := ID("meta", []byte("{}")), "2ce3dd54af54a01633ce07edcb9b3b8f"; len(got) != 32 || got == ID("met", []byte("a{}")) || got != want {
		t.Errorf("ID = %q, want %q", got, want)
	}
}

// Every type of the catalog survives JSON with the data that the catalog names.
func TestEventSurvivesJSON(t *testing.T) {
	seen := map[Type]bool{}
	for _, entry := range Catalog() {
		if seen[entry.Type] || entry.Meaning == "" || entry.Severity == "" {
			t.Errorf("catalog entry of %s is repeated or incomplete", entry.Type)
		}
		seen[entry.Type] = true
		e := Event{
			ID: "evt_1", Type: entry.Type, Time: time.Unix(1790000000, 0).UTC(), Account: "1", Phone: Phone{Number: "2"},
			Late: true, Data: entry.data(),
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var back Event
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, back, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", entry.Type, diff)
		}
	}
	var e Event
	if err := json.Unmarshal([]byte(`{"type":"account.invented"}`), &e); err == nil {
		t.Error("an unknown type was read")
	}
}

// Whoever wrote it: in whatever order, with whatever spaces, and beside whatever else calls itself type.
func TestEventIsReadInAnyOrder(t *testing.T) {
	want := Event{ID: "evt_1", Type: AccountAlert, Data: &Alert{Type: "account.banned"}}
	for _, text := range []string{
		`{"id":"evt_1","type":"account.alert","data":{"type":"account.banned"}}`,
		`{"data":{"type":"account.banned"},"id":"evt_1","type":"account.alert"}`,
		` { "data" : {"type":"account.banned" }, "type" : "account.alert", "id" : "evt_1" } `,
		`{"new":{"type":"account.banned"},"type":"account.alert","id":"evt_1","data":{"type":"account.banned"}}`,
		`{"new":{"type":"account.invented"},"type":"account\u002ealert","id":"evt_1","data":{"type":"account.banned"}}`,
	} {
		e := Event{Late: true, Data: &Ban{}} // used before
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	for text, want := range map[string]any{
		`{"type":"account.deleted"}`:                           &None{},
		`{"type":"account.banned","data":null}`:                &Ban{},
		`{"data":{"state":"DISABLE"},"type":"account.banned"}`: &Ban{State: "DISABLE"},
	} {
		var e Event
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, e.Data); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	for _, text := range []string{`{"type":"account.banned","data":7}`, `{"data":[],"type":"account.banned"}`, `{"type":7}`, `[]`, `{"type":"`} {
		var e Event
		if err := json.Unmarshal([]byte(text), &e); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}

// What is too large for a history is left out, marked, and nothing else is.
func TestOmit(t *testing.T) {
	long := strings.Repeat("x", 10)
	message := func() *Message { return &Message{ID: "1", Text: long, Payload: long[1:], Raw: Body(long + long)} }
	for _, c := range []struct {
		over int
		want *Message
	}{
		{20, message()},
		{19, &Message{ID: "1", Text: long, Payload: long[1:], Omitted: true}},
		{9, &Message{ID: "1", Payload: long[1:], Omitted: true}},
		{8, &Message{ID: "1", Omitted: true}},
		{0, &Message{ID: "1", Omitted: true}},
	} {
		m := message()
		if some := m.Omit(c.over); some != c.want.Omitted {
			t.Errorf("over %d: %t", c.over, some)
		}
		if diff := cmp.Diff(c.want, m); diff != "" {
			t.Errorf("over %d: %s", c.over, diff)
		}
		if m.Omit(c.over) {
			t.Errorf("over %d: and again", c.over)
		}
	}
	if m := (&Message{Payload: long}); !m.Omit(9) || m.Payload != "" {
		t.Errorf("%+v", m)
	}
	raw, chunk, handover, group := &Raw{Reason: "r", Value: Body(long)}, &History{Raw: Body(long)}, &Handover{Raw: Body(long)}, &Group{Raw: Body(long)}
	for _, c := range []struct {
		data    interface{ Omit(int) bool }
		value   *Body
		omitted *bool
	}{{raw, &raw.Value, &raw.Omitted}, {chunk, &chunk.Raw, &chunk.Omitted}, {handover, &handover.Raw, &handover.Omitted}, {group, &group.Raw, &group.Omitted}} {
		if c.data.Omit(10) || *c.omitted || !c.data.Omit(9) || !*c.omitted || *c.value != nil || c.data.Omit(0) {
			t.Errorf("%+v", c.data)
		}
	}
}

// Logging everything we have shows nobody's number and no text.
func TestLogsShowNobody(t *testing.T) {
	const number, words = "4915112345678", "a private text"
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	e := Event{
		ID: "evt_1", Type: ContactMarketingStopped, Key: number, Phone: Phone{Number: number},
		Data: &Preference{Contact: Contact{WaID: number, UserID: number}, Detail: words},
	}
	w := Webhook{ID: "1", Source: "meta", Body: Body(words + number), Evidence: Evidence{Headers: map[string]string{"a": number}}}
	m := Event{ID: "evt_2", Type: MessageReceived, Key: number, Data: &Message{From: Contact{WaID: number}, Text: words, Raw: Body(words)}}
	s := Event{ID: "evt_3", Type: MessageSent, Key: number, Data: &MessageStatus{Recipient: Contact{WaID: number}, Callback: words}}
	log.Info("everything", "event", e, "message", m, "status", s, "webhook", w)
	if s := out.String(); strings.Contains(s, number) || strings.Contains(s, words) {
		t.Errorf("the log shows a person: %s", s)
	}
}
