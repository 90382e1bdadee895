package meta_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"holdfast/internal/provider/meta"
	"holdfast/internal/provider/providertest"
	"holdfast/internal/signature"
)

func samples(t testing.TB) [][]byte {
	t.Helper()
	files, err := fs.Glob(meta.Samples, "samples/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var bodies [][]byte
	for _, file := range files {
		body, err := meta.Samples.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	return bodies
}

func FuzzNormalize(f *testing.F) {
	providertest.FuzzNormalize(f, known(f, "secret"), meta.Samples,
		messages(`"contacts":[{"wa_id":"1"},{"user_id":"US.2"}],"messages":[`+text+`,7],"statuses":[`+sent+`],"errors":[`+limit+`]`),
		messages(`"contacts":[{"wa_id":"1"}],"messages":[{"id":"m","from":"1","type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"STOP","title":"x"}}}],`+
			`"statuses":[{"id":"m","status":"failed","recipient_id":"G","recipient_type":"group","recipient_participant_id":"1","errors":[{"code":131050}]},{"id":"m","status":"lost"}]`),
		string(about("account_update", `{"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"X","expiration":"9999-12-31T23:59:59-08:00"}]}`)))
}

func FuzzEvidence(f *testing.F) {
	const secret = signature.Secret("secret")
	for _, body := range samples(f) {
		f.Add(signature.HMAC(secret, body), body)
	}
	p := known(f, string(secret))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		ev, err := p.Evidence(http.Header{"X-Hub-Signature-256": {header}})
		if err != nil {
			return
		}
		if err := p.Verify(ev, body, received); err == nil && strings.ToLower(header) != signature.HMAC(secret, body) {
			t.Errorf("%q is accepted", header)
		}
	})
}

func BenchmarkNormalizeSmall(b *testing.B) {
	body := about("account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE","waba_ban_date":"October 22, 2025"}}`)
	benchmark(b, body)
}

// A status as Meta sends it, 1 KB with its envelope.
func BenchmarkNormalizeStatus(b *testing.B) {
	benchmark(b, []byte(messages(`"contacts":[`+contactOf(1)+`],"statuses":[`+statusOf(1, 400)+`]`)))
}

// 3 MB with 1,000 statuses, and parts of it: in one change, as Meta batches them, and in a change each.
func BenchmarkNormalizeBatch(b *testing.B) {
	for _, n := range []int{250, 500, 1000} {
		var contacts, statuses, entries []string
		for i := range n {
			contacts, statuses = append(contacts, contactOf(i)), append(statuses, statusOf(i, 2500))
			entries = append(entries, fmt.Sprintf(`{"id":"300100200","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100001","phone_number_id":"400100"},"contacts":[%s],"statuses":[%s]}}]}`,
				contactOf(i), statusOf(i, 2300)))
		}
		b.Run(fmt.Sprintf("change/%d", n), func(b *testing.B) {
			benchmark(b, []byte(messages(`"contacts":[`+strings.Join(contacts, ",")+`],"statuses":[`+strings.Join(statuses, ",")+`]`)))
		})
		b.Run(fmt.Sprintf("entries/%d", n), func(b *testing.B) {
			benchmark(b, []byte(`{"object":"whatsapp_business_account","entry":[`+strings.Join(entries, ",")+`]}`))
		})
	}
}

// Received messages, 3 MB with 1,000.
func BenchmarkNormalizeMessages(b *testing.B) {
	var contacts, received []string
	for i := range 1000 {
		contacts = append(contacts, contactOf(i))
		received = append(received, fmt.Sprintf(`{"from":"1555010%04d","from_user_id":"US.%[1]d","id":"wamid.%064d","timestamp":"1790005000","type":"text","text":{"body":%q}}`, i, i, strings.Repeat("All is well. ", 200)))
	}
	benchmark(b, []byte(messages(`"contacts":[`+strings.Join(contacts, ",")+`],"messages":[`+strings.Join(received, ",")+`]`)))
}

func contactOf(i int) string {
	return fmt.Sprintf(`{"profile":{"name":"Ada"},"wa_id":"1555010%04d","user_id":"US.%d"}`, i, i)
}

// statusOf is a status whose callback data has so many bytes.
func statusOf(i, callback int) string {
	return fmt.Sprintf(`{"id":"wamid.%064d","status":"delivered","timestamp":"1790005000","recipient_id":"1555010%04d","recipient_user_id":"US.%[2]d",`+
		`"biz_opaque_callback_data":%q,"conversation":{"id":"0123456789abcdef0123456789abcdef","origin":{"type":"marketing"}},"pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}}`,
		i, i, strings.Repeat("x", callback))
}

func BenchmarkPeek(b *testing.B) {
	p := known(b, "secret")
	body := about("account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE","waba_ban_date":"October 22, 2025"}}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		p.Peek(body)
	}
}

func benchmark(b *testing.B, body []byte) {
	providertest.BenchmarkNormalize(b, known(b, "secret"), body)
}
