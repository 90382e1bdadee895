package diagnosis_test

import (
	"strings"
	"testing"

	"holdfast/internal/diagnosis"
	"holdfast/internal/provider/meta"
	"holdfast/internal/signature"
)

// Whatever a request is, the verdict is the provider's, and no secret is shown.
func FuzzExplain(f *testing.F) {
	options := meta.Options{AppSecrets: []signature.Secret{secret}, VerifyToken: "the-verify-token"}
	p, err := meta.New(options, false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("X-Hub-Signature-256", "sha256="+ofMini, []byte(minimal))
	f.Add("X-Hub-Signature-256", "sha256="+ofEsc, []byte(plain))
	f.Add("X-Other", ofMini+", the-verify-token", []byte(`{"body":"\ud83d\u0000","isBase64Encoded":true}`))
	f.Add("Sign", "", []byte("\"\\\"\x1f\x8b\xff"))
	f.Fuzz(func(t *testing.T, name, value string, body []byte) {
		h := headers(name, value)
		report, text := ask(t, diagnosis.Question{Dialect: dialect(t, "meta"), Options: &options, Header: h, Body: body})
		ev, err := p.Evidence(h)
		if err == nil {
			err = p.Verify(ev, body, arrival)
		}
		if report.Verifies != (err == nil) {
			t.Errorf("the provider says %v, the report:\n%s", err, text)
		}
		if strings.Contains(text, string(secret)) || strings.Contains(text, "the-verify-token") {
			t.Errorf("shows a secret:\n%s", text)
		}
	})
}
