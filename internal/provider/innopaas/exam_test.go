package innopaas_test

import (
	"flag"
	"testing"
	_ "time/tzdata" // what is tested should not depend on the machine

	"holdfast/internal/provider"
	"holdfast/internal/provider/innopaas"
	"holdfast/internal/provider/providertest"
	"holdfast/internal/signature"
)

var update = flag.Bool("update", false, "rewrite the events in testdata/*.txtar")

// pairs are accepted pairs of headers, one for each secret.
func pairs(secrets ...string) []innopaas.Credential {
	var pairs []innopaas.Credential
	for _, s := range secrets {
		pairs = append(pairs, innopaas.Credential{Name: "pair-" + s[len(s)-1:], UserName: "ada", Authorization: signature.Secret(s)})
	}
	return pairs
}

func known(t testing.TB, secrets ...string) *innopaas.Provider {
	t.Helper()
	return made(t, innopaas.Options{Credentials: pairs(secrets...), Phone: "15550001111"})
}

func made(t testing.TB, options innopaas.Options) *innopaas.Provider {
	t.Helper()
	p, err := innopaas.New(options, false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestExam(t *testing.T) {
	providertest.Exam(t, providertest.Subject{
		Samples:        innopaas.Samples,
		New:            func(t *testing.T, secrets ...string) provider.Provider { return known(t, secrets...) },
		CredentialOnly: true,
		Unknown:        `{"id":"1","type":"whatsapp_weather_updated","eventTime":"2026-09-21T15:10:08.167Z","body":{"rain":true}}`,
	})
}

func TestStories(t *testing.T) {
	providertest.Stories(t, known(t, "secret"), innopaas.Samples, *update)
}
