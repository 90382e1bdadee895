package nxtele_test

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/optout"
	"holdfast/internal/provider/nxtele"
	"holdfast/internal/provider/providertest"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

var received = time.UnixMilli(1761200608123).UTC()

const ban = `{"field":"account_update","value":{"ban_info":{"waba_ban_date":"October 22, 2025","waba_ban_state":"DISABLE"},"business_phone":"15550001111","event":"DISABLED_UPDATE","time":1761200607,"wabaId":"100000000000001"}}`

// headers are made by hand from the provider's description, not by the code under test.
func headers(key, secret, algorithm, ts, body string) http.Header {
	text := "accessKey=" + key + "&action=callback&bizType=2&ts=" + ts
	if body != "" {
		text += "&body=" + body
	}
	text += "&accessSecret=" + secret
	sum := md5.Sum([]byte(text))
	sign := hex.EncodeToString(sum[:])
	if strings.EqualFold(algorithm, "sha256") {
		sum := sha256.Sum256([]byte(text))
		sign = hex.EncodeToString(sum[:])
	}
	h := http.Header{}
	for name, value := range map[string]string{"accesskey": key, "action": "callback", "biztype": "2", "ts": ts, "algorithm": algorithm, "sign": sign} {
		h.Set(name, value)
	}
	return h
}

func TestNew(t *testing.T) {
	keys := map[string]signature.Secret{"key": "hidden"}
	tests := []struct {
		name     string
		options  nxtele.Options
		insecure bool
		want     string
	}{
		{"no key", nxtele.Options{}, false, "access_keys"},
		{"no key, insecure", nxtele.Options{}, true, ""},
		{"empty secret", nxtele.Options{AccessKeys: map[string]signature.Secret{"key": ""}}, true, "access_keys"},
		{"empty key", nxtele.Options{AccessKeys: map[string]signature.Secret{"": "hidden"}}, false, "access_keys"},
		{"key that cannot be signed safely", nxtele.Options{AccessKeys: map[string]signature.Secret{"a&b": "hidden"}}, false, "access_keys"},
		{"both algorithms", nxtele.Options{AccessKeys: keys, Algorithms: []string{"sha256", "md5"}}, false, ""},
		{"unknown algorithm", nxtele.Options{AccessKeys: keys, Algorithms: []string{"sha256", "sha1"}}, false, "algorithms[1]"},
		{"negative skew", nxtele.Options{AccessKeys: keys, MaxClockSkew: -1}, false, "max_clock_skew"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := nxtele.New(test.options, test.insecure)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hidden")) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	keys := map[string]signature.Secret{"demoKey01": "demoSecret01", "demoKey02": "demoSecret02"}
	const ts = "1761200608123"
	strict, both := []string(nil), []string{"sha256", "md5"}
	tests := []struct {
		name       string
		algorithms []string
		skew       time.Duration
		headers    http.Header
		late       time.Duration
		want       error
	}{
		{"good", strict, 0, headers("demoKey01", "demoSecret01", "sha256", ts, ban), 0, nil},
		{"the other key", strict, 0, headers("demoKey02", "demoSecret02", "sha256", ts, ban), 0, nil},
		{"the other key's secret", strict, 0, headers("demoKey01", "demoSecret02", "sha256", ts, ban), 0, webhook.SignatureMismatch},
		{"algorithm in capitals", strict, 0, headers("demoKey01", "demoSecret01", "SHA256", ts, ban), 0, nil},
		{"unknown key", strict, 0, headers("demoKey03", "demoSecret01", "sha256", ts, ban), 0, webhook.UnknownCredential},
		{"md5 where it is not allowed", strict, 0, headers("demoKey01", "demoSecret01", "md5", ts, ban), 0, webhook.AlgorithmRefused},
		{"md5 where it is allowed", both, 0, headers("demoKey01", "demoSecret01", "md5", ts, ban), 0, nil},
		{"an algorithm that would mean md5", both, 0, headers("demoKey01", "demoSecret01", "sha512", ts, ban), 0, webhook.AlgorithmRefused},
		{"another body", strict, 0, headers("demoKey01", "demoSecret01", "sha256", ts, ban+" "), 0, webhook.SignatureMismatch},
		{"no body", strict, 0, headers("demoKey01", "demoSecret01", "sha256", ts, ""), 0, webhook.SignatureMismatch},
		{"any age", strict, 0, headers("demoKey01", "demoSecret01", "sha256", ts, ban), 1000 * time.Hour, nil},
		{"old enough", strict, time.Minute, headers("demoKey01", "demoSecret01", "sha256", ts, ban), time.Minute, nil},
		{"too old", strict, time.Minute, headers("demoKey01", "demoSecret01", "sha256", ts, ban), time.Minute + 1, webhook.TimestampOutOfSkew},
		{"too new", strict, time.Minute, headers("demoKey01", "demoSecret01", "sha256", ts, ban), -time.Minute - 1, webhook.TimestampOutOfSkew},
		{"forged and too old", strict, time.Minute, headers("demoKey01", "x", "sha256", ts, ban), time.Hour, webhook.SignatureMismatch},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := nxtele.New(nxtele.Options{AccessKeys: keys, Algorithms: test.algorithms, MaxClockSkew: test.skew}, true)
			if err != nil {
				t.Fatal(err)
			}
			ev, err := p.Evidence(test.headers)
			if err == nil {
				if len(ev.Headers) != 6 {
					t.Errorf("%d headers are kept, want 6", len(ev.Headers))
				}
				err = p.Verify(ev, []byte(ban), received.Add(test.late))
			}
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestInsecure(t *testing.T) {
	open, err := nxtele.New(nxtele.Options{}, true)
	if err != nil {
		t.Fatal(err)
	}
	for kept, h := range []http.Header{{}, headers("any", "any", "sha256", "1761200608123", ban)} {
		ev, err := open.Evidence(h)
		if err != nil {
			t.Error(err)
		}
		if len(ev.Headers) != kept*6 {
			t.Errorf("%d headers are kept, want %d", len(ev.Headers), kept*6)
		}
		if err := open.Verify(ev, []byte(ban), received); err != nil {
			t.Error(err)
		}
	}
}

func TestTypes(t *testing.T) {
	tests := []struct {
		name, body string
		want       webhook.Event // Type, Account and Phone
	}{
		{"ban", ban, webhook.Event{Type: webhook.AccountBanned, Account: "100000000000001", Phone: webhook.Phone{Number: "15550001111"}}},
		{"account of waba_info", `{"field":"account_update","value":{"event":"PARTNER_REMOVED","time":1,"wabaId":"1","waba_info":{"waba_id":"2"}}}`, webhook.Event{Type: webhook.AccountPartnerRemoved, Account: "2"}},
		{"number of the value", `{"field":"account_update","value":{"event":"PHONE_NUMBER_ADDED","business_phone":"1","phone_number":"+2 0","time":1,"wabaId":1}}`, webhook.Event{Type: webhook.PhoneAdded, Account: "1", Phone: webhook.Phone{Number: "20"}}},
		{"number of the envelope", `{"field":"account_update","value":{"event":"PHONE_NUMBER_ADDED","business_phone":"1","time":1,"wabaId":"1"}}`, webhook.Event{Type: webhook.PhoneAdded, Account: "1", Phone: webhook.Phone{Number: "1"}}},
		{"no account", `{"field":"account_update","value":{"event":"ACCOUNT_DELETED","time":1,"wabaId":""}}`, webhook.Event{Type: webhook.Unrecognized}},
		{"malformed account", `{"field":"account_update","value":{"event":"ACCOUNT_DELETED","time":1,"wabaId":"a/b"}}`, webhook.Event{Type: webhook.Unrecognized}},
		{"account is a list", `{"field":"account_update","value":{"event":"ACCOUNT_DELETED","time":1,"wabaId":["1"]}}`, webhook.Event{Type: webhook.Unrecognized}},
		{"restricted with its part", `{"field":"account_update","value":{"event":"ACCOUNT_RESTRICTION","time":1,"wabaId":"1","restriction_info":[{"restriction_type":"X"}]}}`, webhook.Event{Type: webhook.AccountRestricted, Account: "1"}},
		{"field only", `{"field":"account_update"}`, webhook.Event{Type: webhook.Unrecognized}},
		{"field is null", `{"field":null,"value":{}}`, webhook.Event{Type: webhook.Unrecognized}},
		{"field twice", `{"field":"account_update","field":"account_update","value":{"event":"ACCOUNT_DELETED","wabaId":"1"}}`, webhook.Event{Type: webhook.Unrecognized}},
		{"value twice", `{"field":"account_update","value":{"wabaId":"1","event":"ACCOUNT_DELETED","wabaId":"1"}}`, webhook.Event{Type: webhook.Unrecognized}},
		{"Meta's envelope", `{"object":"whatsapp_business_account","entry":[{"id":"1"}]}`, webhook.Event{Type: webhook.Unrecognized}},
		{"empty lists", `{"statuses":[],"messages":[]}`, webhook.Event{Type: webhook.Unrecognized}},
		{"too many", `{"statuses":[` + strings.Repeat("0,", 5000) + `0]}`, webhook.Event{Type: webhook.Unrecognized}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			events := known(t, "secret").Normalize([]byte(test.body), received)
			if len(events) != 1 {
				t.Fatalf("%d events, want 1", len(events))
			}
			got := webhook.Event{Type: events[0].Type, Account: events[0].Account, Phone: events[0].Phone}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s%+v", diff, events[0].Data)
			}
		})
	}
}

// Lists of several are taken apart as Meta's are; what is not understood comes with what is around it, flat as it is.
func TestFlat(t *testing.T) {
	const around = `{"business_phone":"15550001111","new":1,"metadata":{"phone_number_id":"4"},`
	body := around + `"contacts":[{"wa_id":"1","user_id":"US.1"},{"wa_id":"2"}],"statuses":[{"id":"order-7","meta_message_id":"wamid.1","status":"failed","recipient_id":"1","errors":[{"code":131050}],` +
		`"costs":[{"price":0.1}]},{"id":"x","status":"lost","recipient_id":"2"},7]}`
	events := known(t, "secret").Normalize([]byte(body), received)
	providertest.Check(t, []byte(body), events)
	phone := webhook.Phone{ID: "4", Number: "15550001111"}
	ada := webhook.Contact{UserID: "US.1", WaID: "1"}
	type short struct {
		Type  webhook.Type
		Phone webhook.Phone
		Data  any
	}
	var got []short
	for _, e := range events {
		got = append(got, short{e.Type, e.Phone, e.Data})
	}
	want := []short{
		{webhook.MessageFailed, phone, &webhook.MessageStatus{Message: "order-7", Wamid: "wamid.1", Recipient: ada, Costs: []webhook.Cost{{Price: "0.1"}}, Errors: []webhook.MessageError{{Code: "131050", Advice: webhook.StopMarketing}}}},
		{webhook.ContactMarketingStopped, phone, &webhook.Preference{Contact: ada, Category: "marketing_messages", Basis: "status_131050", Message: "order-7"}},
		{webhook.Unrecognized, phone, &webhook.Raw{Reason: "unknown event", Value: webhook.Body(around + `"contacts":[{"wa_id":"2"}],"statuses":[{"id":"x","status":"lost","recipient_id":"2"}]}`)}},
		{webhook.Unrecognized, phone, &webhook.Raw{Reason: "not an object", Value: webhook.Body(around + `"contacts":[{"wa_id":"1","user_id":"US.1"},{"wa_id":"2"}],"statuses":[7]}`)}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Nobody has seen a body of both families. Neither hides the other.
func TestBothFamilies(t *testing.T) {
	for lists, want := range map[string][]webhook.Type{
		`"statuses":[]`: {webhook.AccountBanned},
		`"statuses":[{"id":"m","status":"read"}]`:                {webhook.AccountBanned, webhook.MessageRead},
		`"messages":[{"id":"m","from":"1","type":"text"},"odd"]`: {webhook.AccountBanned, webhook.MessageReceived, webhook.Unrecognized},
	} {
		body := `{` + lists + `,` + ban[1:]
		var types []webhook.Type
		events := known(t, "secret").Normalize([]byte(body), received)
		providertest.Check(t, []byte(body), events)
		for _, e := range events {
			types = append(types, e.Type)
		}
		if diff := cmp.Diff(want, types); diff != "" {
			t.Errorf("%s: %s", lists, diff)
		}
	}
}

// One bad element never harms its neighbours.
func TestNeighbours(t *testing.T) {
	for want, c := range map[webhook.Type]struct{ form, item string }{
		webhook.MessageSent:     {`{"business_phone":"15550001111","statuses":[%s]}`, `{"id":"order-%d","status":"sent","timestamp":"1761200609","costs":[{"price":0.1}]}`},
		webhook.MessageReceived: {`{"merchant_phone":"15550001111","contacts":[{"wa_id":"1"}],"messages":[%s]}`, `{"id":"wamid.%d","from":"1","timestamp":"1761200609","type":"text","text":{"body":"Hi"}}`},
		webhook.MessageEchoed:   {`{"field":"smb_message_echoes","value":{"business_phone":"15550001111","message_echoes":[%s]}}`, `{"id":"wamid.%d","to":"1","timestamp":"1761200609","type":"text"}`},
		webhook.ContactSynced:   {`{"field":"smb_app_state_sync","value":{"wabaId":"1","state_sync":[%s]}}`, `{"type":"contact","contact":{"phone_number":"1555%d"},"action":"remove","metadata":{"timestamp":1761200609}}`},
	} {
		t.Run(string(want), func(t *testing.T) {
			providertest.Neighbours(t, known(t, "secret"), want,
				func(items string) []byte { return []byte(strings.Replace(c.form, "%s", items, 1)) },
				func(i int) string { return fmt.Sprintf(c.item, i) })
		})
	}
}

func TestOptOutSetting(t *testing.T) {
	options := nxtele.Options{AccessKeys: map[string]signature.Secret{"key": "secret"}, OptOut: optout.Options{Stop: []string{"!"}}}
	if _, err := nxtele.New(options, false); err == nil || err.Error() != "opt_out.stop[0] is no word" {
		t.Errorf("a word that is none: %v", err)
	}
	options.OptOut = optout.Options{Stop: []string{"Genug"}}
	p, err := nxtele.New(options, false)
	if err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]int{"genug!": 2, "stop": 1} {
		for _, form := range []string{`{"metadata":{"phone_number_id":"4"},%s}`, `{"field":"messages","value":{"metadata":{"phone_number_id":"4"},%s}}`} {
			body := fmt.Sprintf(form, `"messages":[{"id":"m","from":"1","type":"text","text":{"body":"`+word+`"}}]`)
			if events := p.Normalize([]byte(body), received); len(events) != want {
				t.Errorf("%s: %d events, want %d", body, len(events), want)
			}
		}
	}
}

func TestPeek(t *testing.T) {
	tests := []struct {
		body string
		want webhook.Peek
	}{
		{ban, webhook.Peek{Fields: []string{"account_update"}, Accounts: []string{"100000000000001"}, Urgent: true}},
		{`{"value":{"user_preferences":[]},"field":"user_preferences"}`, webhook.Peek{Fields: []string{"user_preferences"}, Urgent: true}},
		{`{"value":{},"field":"smb_message_echoes"}`, webhook.Peek{Fields: []string{"smb_message_echoes"}}},
		{`{"statuses":[{}],"wabaId":"1"}`, webhook.Peek{Fields: []string{"messages"}, Accounts: []string{"1"}}},
		{`{"field`, webhook.Peek{}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, known(t, "secret").Peek([]byte(test.body))); diff != "" {
			t.Errorf("%s: %s", test.body, diff)
		}
	}
}

func samples(t testing.TB) [][]byte {
	t.Helper()
	files, err := fs.Glob(nxtele.Samples, "samples/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var bodies [][]byte
	for _, file := range files {
		body, err := nxtele.Samples.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	return bodies
}

func FuzzNormalize(f *testing.F) {
	providertest.FuzzNormalize(f, known(f, "secret"), nxtele.Samples, ban,
		`{"business_phone":"1","statuses":[{"id":"a","status":"sent","timestamp":"1"},{"id":"a","status":"failed","recipient_id":"2","errors":[{"code":131050}]}],"messages":[{"id":"b"}]}`,
		`{"metadata":{"phone_number_id":"4"},"contacts":[{"wa_id":"1"},{"wa_id":"2"}],"messages":[{"id":"b","from":"1","type":"text","text":{"body":"STOP"}},7]}`)
}

func FuzzVerify(f *testing.F) { providertest.FuzzVerify(f, known, nxtele.Samples) }

func FuzzEvidence(f *testing.F) {
	p, err := nxtele.New(nxtele.Options{AccessKeys: map[string]signature.Secret{"key": "secret"}, Algorithms: []string{"sha256", "md5"}}, false)
	if err != nil {
		f.Fatal(err)
	}
	for i, body := range samples(f) {
		h := headers("key", "secret", []string{"sha256", "MD5"}[i%2], "1761200608123", string(body))
		f.Add(h.Get("accesskey"), h.Get("action"), h.Get("biztype"), h.Get("ts"), h.Get("algorithm"), h.Get("sign"), string(body))
	}
	f.Fuzz(func(t *testing.T, key, action, bizType, ts, algorithm, sign, body string) {
		h := http.Header{"Accesskey": {key}, "Action": {action}, "Biztype": {bizType}, "Ts": {ts}, "Algorithm": {algorithm}, "Sign": {sign}}
		ev, err := p.Evidence(h)
		if err != nil || p.Verify(ev, []byte(body), received) != nil {
			return
		}
		want := headers(key, "secret", algorithm, ts, body).Get("sign")
		if action == "callback" && bizType == "2" && !strings.EqualFold(sign, want) {
			t.Errorf("%q is accepted, want %q", sign, want)
		}
		if strings.ContainsAny(key+action+bizType+ts, "&= ") {
			t.Error("parts that run together are accepted")
		}
	})
}

func BenchmarkNormalizeSmall(b *testing.B) { benchmark(b, []byte(ban)) }

func BenchmarkNormalizeBatch(b *testing.B) {
	var items []string
	for i := range 1000 {
		items = append(items, fmt.Sprintf(`{"wa_id":"1555%07d","detail":"User requested to stop marketing messages","category":"marketing_messages","value":"stop","timestamp":1753407219}`, i))
	}
	benchmark(b, []byte(`{"field":"user_preferences","value":{"metadata":{"phone_number_id":"4"},"user_preferences":[`+strings.Join(items, ",")+`]}}`))
}

// A receipt as nxtele sends it, 1 KB.
func BenchmarkNormalizeStatus(b *testing.B) {
	benchmark(b, []byte(`{"app_id":"1000","business_phone":"15550001111","channel":2,"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550001111","phone_number_id":"4"},"wabaId":"1","statuses":[`+receipt(1, 300)+`]}`))
}

// 3 MB with 1,000 receipts or messages, and parts of it.
func BenchmarkNormalizeFlat(b *testing.B) {
	for _, n := range []int{250, 500, 1000} {
		var receipts, messages []string
		for i := range n {
			receipts = append(receipts, receipt(i, 2500))
			messages = append(messages, fmt.Sprintf(`{"from":"1555%d","id":"wamid.%064d","timestamp":"1761200611","type":"text","text":{"body":%q},"cost":{"currency":"USD","price":0}}`, i, i, strings.Repeat("All is well. ", 200)))
		}
		b.Run(fmt.Sprintf("statuses/%d", n), func(b *testing.B) {
			benchmark(b, []byte(`{"business_phone":"15550001111","wabaId":"1","statuses":[`+strings.Join(receipts, ",")+`]}`))
		})
		b.Run(fmt.Sprintf("messages/%d", n), func(b *testing.B) {
			benchmark(b, []byte(`{"merchant_phone":"15550001111","contacts":[{"wa_id":"1"}],"messages":[`+strings.Join(messages, ",")+`]}`))
		})
	}
}

// receipt is a status whose callback data has so many bytes.
func receipt(i, callback int) string {
	return fmt.Sprintf(`{"id":"order-%d","meta_message_id":"wamid.%064d","status":"delivered","timestamp":"1761200610","recipient_id":"1555%[1]d","biz_opaque_callback_data":%[3]q,`+
		`"pricing":{"billable":true,"pricing_model":"PMP","category":"marketing"},"costs":[{"currency":"USD","price":0.0341,"foreign_price":0.0341,"cdr_type":"marketing","message_id":"wamid.%064[2]d","direction":1}]}`,
		i, i, strings.Repeat("x", callback))
}

func benchmark(b *testing.B, body []byte) {
	providertest.BenchmarkNormalize(b, known(b, "secret"), body)
}

// wabaId is an account wherever it is, which an entry's id at Meta is not.
func TestAccountOfWhatPartnersAreTold(t *testing.T) {
	body := `{"field":"account_update","value":{"event":"PARTNER_REMOVED","time":1761200612,"wabaId":"100000000000001"}}`
	events := known(t, "secret").Normalize([]byte(body), time.Now())
	if len(events) != 1 || events[0].Type != webhook.AccountPartnerRemoved || events[0].Account != "100000000000001" {
		t.Errorf("%+v", events)
	}
}
