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

const (
	text          = `{"id":"wamid.EXAMPLE2","from":"1","timestamp":"1790005100","type":"text","text":{"body":"Hi"}}`
	nameless      = `{"from":"1","timestamp":"1790005100"}`
	sent          = `{"id":"wamid.EXAMPLE1","status":"sent","timestamp":"1790005001","recipient_id":"2"}`
	read          = `{"id":"wamid.EXAMPLE1","status":"read","timestamp":"1790005002","recipient_participant_id":"2"}`
	readByAnother = `{"id":"wamid.EXAMPLE1","status":"read","timestamp":"1790005002","recipient_participant_id":"3"}`
	stopped       = `{"id":"wamid.EXAMPLE3","status":"failed","timestamp":"1790005003","recipient_id":"2","errors":[{"code":131050}]}`
	odd           = `{"id":"wamid.EXAMPLE3","status":"lost","timestamp":"1790005003","recipient_id":"2"}`
	limit         = `{"code":130429}`
)

// messages is a change about messages.
func messages(items string) string {
	return string(about("messages", `{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100001","phone_number_id":"400100"},`+items+`}`))
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
		Together: messages(`"contacts":[{"wa_id":"1"},{"wa_id":"2"}],"messages":[` + text + `,` + nameless + `],"statuses":[` + sent + `,` + read + `,` +
			readByAnother + `,` + stopped + `,` + odd + `],"errors":[` + limit + `]`),
		Alone: []string{
			messages(`"contacts":[{"wa_id":"1"}],"messages":[` + text + `]`), messages(`"messages":[` + nameless + `]`),
			messages(`"statuses":[` + sent + `]`), messages(`"statuses":[` + read + `]`), messages(`"statuses":[` + readByAnother + `]`),
			messages(`"statuses":[` + stopped + `]`), messages(`"statuses":[` + odd + `]`),
			messages(`"errors":[` + limit + `]`),
		},
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
