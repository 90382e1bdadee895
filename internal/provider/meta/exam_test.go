package meta_test

import (
	"encoding/json"
	"flag"
	"testing"

	"holdfast/internal/provider"
	"holdfast/internal/provider/meta"
	"holdfast/internal/provider/providertest"
	"holdfast/internal/signature"
)

var update = flag.Bool("update", false, "rewrite the events in testdata/*.txtar")

func known(t testing.TB, secrets ...string) *meta.Provider {
	t.Helper()
	options := meta.Options{VerifyToken: "our token"}
	for _, s := range secrets {
		options.AppSecrets = append(options.AppSecrets, signature.Secret(s))
	}
	p, err := meta.New(options, false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestExam(t *testing.T) {
	providertest.Exam(t, providertest.Subject{
		Samples: meta.Samples,
		New:     func(t *testing.T, secrets ...string) provider.Provider { return known(t, secrets...) },
		Malformed: map[string][]string{"X-Hub-Signature-256": {
			"sha256=", "sha256=00", "sha1=0000000000000000000000000000000000000000",
			"sha512=0000000000000000000000000000000000000000000000000000000000000000",
			"sha256=000000000000000000000000000000000000000000000000000000000000000g",
			"sha256=0000000000000000000000000000000000000000000000000000000000000000 ",
		}},
		Unknown: `{"object":"whatsapp_business_account","entry":[{"id":"300100200","time":1790000000,"changes":[{"field":"weather_update","value":{"rain":true}}]}]}`,
		Batch:   batch,
	})
}

// batch puts the entries of several bodies into one.
func batch(t *testing.T, bodies [][]byte) []byte {
	type envelope struct {
		Object string            `json:"object"`
		Entry  []json.RawMessage `json:"entry"`
	}
	all := envelope{Object: "whatsapp_business_account"}
	for _, body := range bodies {
		var one envelope
		if err := json.Unmarshal(body, &one); err != nil {
			t.Fatal(err)
		}
		all.Entry = append(all.Entry, one.Entry...)
	}
	body, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestStories(t *testing.T) {
	providertest.Stories(t, known(t, "secret"), meta.Samples, *update)
}
