package whizard_test

import (
	"flag"
	"testing"

	"holdfast/internal/provider"
	"holdfast/internal/provider/providertest"
	"holdfast/internal/provider/whizard"
	"holdfast/internal/signature"
)

var update = flag.Bool("update", false, "rewrite the events in testdata/*.txtar")

// known is a source with a set of headers for each secret.
func known(t testing.TB, secrets ...string) *whizard.Provider {
	t.Helper()
	options := whizard.Options{Phone: "15550001111"}
	for _, s := range secrets {
		options.Credentials = append(options.Credentials, signature.HeaderSet{
			Name: s, Headers: map[string]signature.Secret{"Authorization": signature.Secret("Bearer " + s), "X-Key-Id": "1"},
		})
	}
	return made(t, options)
}

func made(t testing.TB, options whizard.Options) *whizard.Provider {
	t.Helper()
	p, err := whizard.New(options, false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	sent    = `{"id":"gBGGEXAMPLE","recipient_id":"15550002222","status":"sent","timestamp":"1761200609"}`
	failed  = `{"id":"gBGGEXAMPLE","recipient_id":"15550002222","status":"failed","timestamp":"1761200610","errors":[{"code":470}]}`
	message = `{"from":"15550002222","id":"ABGGEXAMPLE","timestamp":"1761200611","type":"text","text":{"body":"STOP"}}`
	voice   = `{"from":"15550002222","id":"ABGGEXAMPLE2","timestamp":"1761200611","type":"voice","voice":{"id":"1"}}`
	failure = `{"code":1014,"title":"Internal error"}`
)

func TestExam(t *testing.T) {
	providertest.Exam(t, providertest.Subject{
		Samples:        whizard.Samples,
		New:            func(t *testing.T, secrets ...string) provider.Provider { return known(t, secrets...) },
		CredentialOnly: true,
		Unknown:        `{"rain":true}`,
		Together:       `{"messages":[` + message + `,` + voice + `],"statuses":[` + sent + `,` + failed + `],"errors":[` + failure + `]}`,
		Alone: []string{
			`{"messages":[` + message + `]}`, `{"messages":[` + voice + `]}`, `{"statuses":[` + sent + `]}`, `{"statuses":[` + failed + `]}`,
			`{"errors":[` + failure + `]}`,
		},
	})
}

func TestStories(t *testing.T) {
	providertest.Stories(t, known(t, "secret"), whizard.Samples, *update)
}
