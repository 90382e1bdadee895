package dialog360_test

import (
	"flag"
	"testing"

	"holdfast/internal/provider"
	"holdfast/internal/provider/dialog360"
	"holdfast/internal/provider/providertest"
	"holdfast/internal/signature"
)

var update = flag.Bool("update", false, "rewrite the events in testdata/*.txtar")

func known(t testing.TB, secrets ...string) *dialog360.Provider {
	t.Helper()
	var options dialog360.Options
	for _, s := range secrets {
		options.PlatformSecrets = append(options.PlatformSecrets, signature.Secret(s))
	}
	return made(t, options)
}

// unsigned is a source that knows its sender by headers only.
func unsigned(t testing.TB, secrets ...string) *dialog360.Provider {
	t.Helper()
	var options dialog360.Options
	for _, s := range secrets {
		options.Credentials = append(options.Credentials, signature.HeaderSet{
			Name: "set-" + s[len(s)-1:], Headers: map[string]signature.Secret{"Authorization": signature.Secret(s)},
		})
	}
	return made(t, options)
}

func made(t testing.TB, options dialog360.Options) *dialog360.Provider {
	t.Helper()
	p, err := dialog360.New(options, false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	sent = `{"id":"wamid.EXAMPLE1","status":"sent","timestamp":"1790005001","recipient_id":"15550002222"}`
	read = `{"id":"wamid.EXAMPLE1","status":"read","timestamp":"1790005002","recipient_id":"15550002222"}`
)

// statuses is a body of Meta's about messages.
func statuses(items string) string {
	return `{"object":"whatsapp_business_account","entry":[{"id":"100000000000001","changes":[{"field":"messages","value":{"messaging_product":"whatsapp",` +
		`"metadata":{"display_phone_number":"15550001111","phone_number_id":"400100"},"statuses":[` + items + `]}}]}]}`
}

func TestExam(t *testing.T) {
	subject := providertest.Subject{
		Samples: dialog360.Samples,
		New:     func(t *testing.T, secrets ...string) provider.Provider { return known(t, secrets...) },
		Malformed: map[string][]string{"X-360dialog-Signature": {
			"sha256=", "00", "sha1=0000000000000000000000000000000000000000",
			"000000000000000000000000000000000000000000000000000000000000000g",
			"sha256=0000000000000000000000000000000000000000000000000000000000000000 ",
			"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
		}},
		Unknown:  `{"id":"9","event":"weather_changed","data":{"rain":true}}`,
		Together: statuses(sent + "," + read),
		Alone:    []string{statuses(sent), statuses(read)},
	}
	t.Run("signed", func(t *testing.T) { providertest.Exam(t, subject) })
	subject.New = func(t *testing.T, secrets ...string) provider.Provider { return unsigned(t, secrets...) }
	subject.CredentialOnly, subject.Malformed = true, nil
	t.Run("unsigned", func(t *testing.T) { providertest.Exam(t, subject) })
}

func TestStories(t *testing.T) {
	providertest.Stories(t, known(t, "secret"), dialog360.Samples, *update)
}

func FuzzVerify(f *testing.F) { providertest.FuzzVerify(f, known, dialog360.Samples) }

func FuzzNormalize(f *testing.F) {
	providertest.FuzzNormalize(f, known(f, "secret"), dialog360.Samples, statuses(sent+","+read))
}

func BenchmarkNormalize(b *testing.B) {
	providertest.BenchmarkNormalize(b, known(b, "secret"), []byte(statuses(sent+","+read)))
}
