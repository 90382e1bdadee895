package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// placeholders are the values for a sample's placeholders; empty ones have a default.
type placeholders struct{ account, phone string }

// The ids of the demonstration: the same each time, so that a reinstatement speaks of the account that was banned.
const (
	demoAccount = "102290129340398"
	demoPhone   = "15550783881"
	demoPhoneID = "106540352242922"
	demoContact = "16505551234"
	demoOwner   = "2729063490586005"
)

// freshen makes a sample look as if it were sent now: times become now, ids of messages and envelopes are new, and the
// placeholders ("xxx" in nxtele's page) become ids. Where an account or a phone is given, it replaces those of the sample.
func freshen(body []byte, p placeholders, now time.Time) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var sample any
	if err := d.Decode(&sample); err != nil {
		return nil, fmt.Errorf("read sample: %w", err)
	}
	f := freshener{placeholders: p, now: now}
	return json.Marshal(f.value("", sample))
}

type freshener struct {
	placeholders
	now time.Time
}

func (f freshener) value(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, member := range v {
			v[k] = f.value(k, member)
		}
		// The account of Meta's shapes is the id of an entry, which only its changes tell from other ids.
		if id, ok := v["id"].(string); ok && v["changes"] != nil && id != "0" {
			v["id"] = cmp.Or(f.account, id)
		}
		// The number of InnoPaaS's shapes is whom a message was sent to, which only the account beside it tells from a person.
		if to, ok := v["to"].(string); ok && v["wabaId"] != nil {
			v["to"] = cmp.Or(f.phone, to)
		}
		return v
	case []any:
		for i, element := range v {
			v[i] = f.value(key, element)
		}
		return v
	case json.Number:
		return f.number(key, v)
	case string:
		return f.text(key, v)
	}
	return v
}

func (f freshener) number(key string, n json.Number) any {
	switch key {
	case "time", "timestamp":
		return f.now.Unix()
	case "category_update_timestamp":
		return f.now.Add(24 * time.Hour).Unix()
	case "expiration", "expiration_timestamp":
		return f.now.Add(72 * time.Hour).Unix()
	}
	return n
}

func (f freshener) text(key, s string) string {
	blank := strings.Trim(s, "x") == ""
	pick := func(given, standard string) string {
		if blank {
			return cmp.Or(given, standard)
		}
		return cmp.Or(given, s)
	}
	switch key {
	case "time", "timestamp":
		return fmt.Sprint(f.now.Unix())
	case "expiration_timestamp":
		return fmt.Sprint(f.now.Add(24 * time.Hour).Unix())
	case "eventTime", "sendTime":
		return like(s, f.now)
	case "expireAt":
		return like(s, f.now.Add(24*time.Hour))
	case "wabaId", "waba_id":
		return pick(f.account, demoAccount)
	case "business_phone", "merchant_phone", "display_phone_number", "phone_number", "displayPhoneNumber":
		return pick(f.phone, demoPhone)
	case "phone_number_id":
		return pick("", demoPhoneID)
	case "wa_id":
		return pick("", demoContact)
	case "owner_business_id":
		return pick("", demoOwner)
	case "id", "wamid":
		for _, named := range []string{"wamid.", "wacid.", "ABGG", "gBGG", "order-"} { // of Meta, of its on-premises client, of a sender
			if strings.HasPrefix(s, named) {
				return named + rand.Text()
			}
		}
		if uuid.MatchString(s) { // of an envelope
			b := make([]byte, 16)
			_, _ = rand.Read(b) // never fails
			return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
		}
	}
	return s
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// like writes a time as another is written: without a zone, which is taken for UTC then, or with one.
func like(sample string, at time.Time) string {
	if _, err := time.Parse(time.DateTime, sample); err == nil {
		return at.UTC().Format(time.DateTime)
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
