package nxtele_test

import (
	"flag"
	"fmt"
	"testing"

	"holdfast/internal/provider"
	"holdfast/internal/provider/nxtele"
	"holdfast/internal/provider/providertest"
	"holdfast/internal/signature"
)

var update = flag.Bool("update", false, "rewrite the events in testdata/*.txtar")

// known names an access key after the last letter of its secret, so that a secret has the same one in every provider, and
// so that of "secret-a" and "secret-b" the later one signs.
func known(t testing.TB, secrets ...string) *nxtele.Provider {
	t.Helper()
	options := nxtele.Options{AccessKeys: map[string]signature.Secret{}}
	for _, s := range secrets {
		options.AccessKeys[fmt.Sprintf("key-%03d", 200-int(s[len(s)-1]))] = signature.Secret(s)
	}
	p, err := nxtele.New(options, false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	sent    = `{"id":"wamid.EXAMPLE1","status":"sent","timestamp":"1761200609"}`
	failed  = `{"id":"wamid.EXAMPLE1","status":"failed","timestamp":"1761200610"}`
	message = `{"id":"wamid.EXAMPLE2","from":"15550002222","timestamp":"1761200611","type":"text","text":{"body":"STOP"}}`
)

// flat is nxtele's shape of items.
func flat(items string) string {
	return `{"business_phone":"15550001111","wabaId":"100000000000001",` + items + `}`
}

func TestExam(t *testing.T) {
	name := []string{"a b", "a&b", "a=b", "a\x00b", "é", "a/b", string(make([]byte, 65))}
	providertest.Exam(t, providertest.Subject{
		Samples: nxtele.Samples,
		New:     func(t *testing.T, secrets ...string) provider.Provider { return known(t, secrets...) },
		Malformed: map[string][]string{
			"accesskey": name,
			"action":    name,
			"biztype":   name,
			"ts":        {"1761200608", "17612006081234", "176120060812x", "+176120060812", "-176120060812", "1761200608_12", "1761200608.12"},
			"algorithm": {"sha-256&", "sha 256"},
			"sign":      {"00", "sha256=00", string(make([]byte, 64)), "5b24d0670792f702f890a1e3fa5c0978"},
		},
		Unknown:  `{"field":"weather_update","value":{"rain":true,"time":1790000000,"wabaId":"100000000000001"}}`,
		Together: flat(`"messages":[` + message + `],"statuses":[` + sent + `,` + failed + `]`),
		Alone:    []string{flat(`"messages":[` + message + `]`), flat(`"statuses":[` + sent + `]`), flat(`"statuses":[` + failed + `]`)},
	})
}

func TestStories(t *testing.T) {
	providertest.Stories(t, known(t, "secret"), nxtele.Samples, *update)
}
