package cloudevent

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/webhook"
)

var update = flag.Bool("update", false, "rewrite the expected events in testdata")

func banned() webhook.Event {
	return webhook.Event{
		ID:       "0123456789abcdef",
		Type:     webhook.AccountBanned,
		Time:     time.Date(2025, 10, 23, 8, 23, 27, 0, time.FixedZone("CEST", 7200)),
		Source:   "meta-main",
		Provider: "meta",
		Webhook:  "fedcba9876543210",
		Account:  "100000000000001",
		Phone:    webhook.Phone{ID: "200000000000002", Number: "15550001111"},
		Field:    "account_update",
		Data:     &webhook.Ban{State: "DISABLE", Date: "October 23, 2025"},
	}
}

// TestCloudEvent compares events with testdata/*.json, as destinations read them.
func TestCloudEvent(t *testing.T) {
	bare := webhook.Event{ID: "1", Type: webhook.PhoneAdded, Source: "nx-asia", Data: &webhook.None{}}
	marked := banned()
	marked.Late, marked.Test, marked.TimeAssumed = true, true, true
	raw := webhook.Event{
		ID: "2", Type: webhook.Unrecognized, Source: "meta-main", Provider: "meta", Time: time.Unix(1761200607, 123456789),
		Data: &webhook.Raw{Reason: "unknown field", Value: webhook.Body("<&>\xff")},
	}
	for name, e := range map[string]webhook.Event{"banned": banned(), "bare": bare, "marked": marked, "raw": raw} {
		t.Run(name, func(t *testing.T) {
			body, err := Encode(e)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Encode(e)
			if err != nil || !bytes.Equal(body, again) {
				t.Error("the same event has other bytes the second time", err)
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, body, "", "  "); err != nil {
				t.Fatal(err)
			}
			pretty.WriteByte('\n')
			path := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(path, pretty.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
				t.Error(diff)
			}
			conforms(t, body)
		})
	}
}

// TestModesSayTheSame compares binary mode, and a batch, with structured mode.
func TestModesSayTheSame(t *testing.T) {
	full := Of(banned())
	full.Late, full.Test, full.OutOfOrder, full.TimeAssumed, full.ZoneAssumed = true, true, true, true, true
	bare := Of(webhook.Event{ID: "1", Type: "of.no.catalog", Data: &webhook.None{}})
	precise := Of(webhook.Event{ID: "2", Type: webhook.PhoneAdded, Time: time.Unix(1761200607, 123456000), Data: &webhook.None{}})
	batch, err := Batch([]Envelope{full, bare, precise})
	if err != nil {
		t.Fatal(err)
	}
	var together []json.RawMessage
	if err := json.Unmarshal(batch, &together); err != nil {
		t.Fatal(err)
	}
	for i, e := range []Envelope{full, bare, precise} {
		structured, err := e.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(structured, together[i]) {
			t.Errorf("in a batch: %s", together[i])
		}
		var want map[string]any
		if err := json.Unmarshal(structured, &want); err != nil {
			t.Fatal(err)
		}
		data, err := e.DataJSON()
		if err != nil {
			t.Fatal(err)
		}
		var body any
		if err := json.Unmarshal(data, &body); err != nil {
			t.Fatal(err)
		}
		got := map[string]any{"datacontenttype": e.DataContentType, "data": body}
		for _, a := range e.Attributes() {
			got[a.Name] = a.Value
		}
		for name, value := range want {
			if text := fmt.Sprint(value); name != "data" && (value == true || text == "") {
				want[name] = text
			}
		}
		if want["severity"] == "" { // of what is in no catalog
			delete(want, "severity")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	odd := full
	odd.Data.Details = func() {}
	if _, err := odd.DataJSON(); err == nil {
		t.Error("a function is data")
	}
	if _, err := Batch([]Envelope{full, odd}); err == nil {
		t.Error("a function is data in a batch")
	}
}

// What was written can be read, and is the same when it is written again.
func TestRead(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatal("no events", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Read(text)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		var want bytes.Buffer
		if err := json.Compact(&want, text); err != nil {
			t.Fatal(err)
		}
		got, err := Encode(e)
		if diff := cmp.Diff(want.String(), string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v %s", path, err, diff)
		}
		if want, _ := webhook.Lookup(e.Type); fmt.Sprintf("%T", e.Data) != fmt.Sprintf("%T", want.New()) {
			t.Errorf("%s: carries %T", path, e.Data)
		}
	}
	for text, want := range map[string]string{
		`{"specversion":"1.0","type":"account.baned"}`:                                 `read CloudEvent: type "account.baned" is not in the catalog of this version`,
		`{"specversion":"0.3","type":"account.banned"}`:                                `read CloudEvent: specversion is not 1.0`,
		`{"specversion":"1.0","type":"account.banned","data":{"details":{"state":1}}}`: `read CloudEvent: json: cannot unmarshal number into Go struct field Ban.data.details.state of type string`,
		`[`: `read CloudEvent: unexpected end of JSON input`,
	} {
		if _, err := Read([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, bare := range []string{`{"specversion":"1.0","type":"account.banned"}`, `{"specversion":"1.0","type":"account.banned","data":{"details":null}}`} {
		if e, err := Read([]byte(bare)); err != nil || e.Data == nil {
			t.Errorf("%s: %+v, %v", bare, e, err)
		}
	}
}

// conforms checks what CloudEvents 1.0 demands of every event.
func conforms(t *testing.T, body []byte) {
	t.Helper()
	var attributes map[string]any
	if err := json.Unmarshal(body, &attributes); err != nil {
		t.Fatal(err)
	}
	for _, required := range []string{"id", "source", "specversion", "type"} {
		if text, ok := attributes[required].(string); !ok || text == "" {
			t.Errorf("no %s", required)
		}
	}
	if schema, err := url.Parse(fmt.Sprint(attributes["dataschema"])); err != nil || !schema.IsAbs() {
		t.Errorf("dataschema %v is no absolute URI", attributes["dataschema"])
	}
	name := regexp.MustCompile(`^[a-z0-9]{1,20}$`)
	for attribute, value := range attributes {
		if !name.MatchString(attribute) {
			t.Errorf("%s is no name of an attribute", attribute)
		}
		switch value.(type) {
		case string, bool:
		default:
			if attribute != "data" {
				t.Errorf("%s has a value of type %T", attribute, value)
			}
		}
	}
}
