package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the name in go.mod.
const module = "holdfast"

// A room is a package of the house and what it may import. Of Go's own library it may import everything but what never
// lists.
type room struct {
	path  string   // of the package, without that of the module
	says  string   // the sentence of the plan that an import breaks
	ours  []string // rooms that it may import
	libs  []string // modules of others that it may import, with everything below them
	never []string // packages that it must not import, Go's own ones with everything below them
}

// everyone stands for all rooms, or for all libraries.
var everyone = []string{"*"}

const (
	nouns   = "internal/webhook"
	signing = "internal/signature"
	wishes  = "internal/optout"
	webAPI  = "internal/webapi"

	compression = "github.com/klauspost/compress"
	groups      = "golang.org/x/sync"
	mux         = "github.com/gorilla/mux"
	pacing      = "golang.org/x/time"
	prometheus  = "github.com/prometheus/client_golang"
	temporalAPI = "go.temporal.io/api"
	temporalSDK = "go.temporal.io/sdk"
	yaml        = "github.com/goccy/go-yaml"
)

// plan is the whole house. A package that is not here has no place yet: it fails the test until it has one.
var plan = []room{
	{
		path: "cmd/holdfast",
		says: "cmd joins the rooms; it is the only one that knows everyone",
		ours: everyone, libs: everyone, never: []string{"database/sql"},
	},
	{
		path: "worker",
		says: "worker registers workflows and activities and runs them, and nothing else",
		ours: []string{"workflows", "activities"}, libs: []string{temporalSDK},
		never: []string{"database/sql", "net/http"},
	},
	{
		path: "workflows",
		says: "workflows decide; deeds are done by activities, so that a history can be replayed",
		ours: []string{"activities", nouns}, libs: []string{temporalSDK, temporalAPI},
		never: []string{"crypto/rand", "database/sql", "math/rand", "net", "os"},
	},
	{
		path: "activities",
		says: "activities declare the ports they need; they know neither databases nor destinations nor providers",
		ours: []string{nouns}, libs: []string{temporalSDK, prometheus, groups, pacing},
		never: []string{"database/sql", "net", "os"},
	},
	{
		path: "ingress",
		says: "ingress knows provider and webhook and asks for a Starter; it sees neither SQL nor Temporal",
		ours: []string{"internal/provider", nouns}, libs: []string{mux, prometheus, groups},
		never: []string{"database/sql"},
	},
	{
		path: "console",
		says: "console shows operators what workflows say and what is known; it asks for what it needs, as state has it",
		ours: []string{"workflows", "internal/state", nouns}, libs: []string{mux, prometheus, groups, temporalAPI, temporalSDK},
		never: []string{"database/sql"},
	},
	{
		path:  nouns,
		says:  "the nouns need Go's own library only, and nobody else's",
		never: []string{"database/sql", "net", "os"},
	},
	{
		path:  signing,
		says:  "signature knows how webhooks are signed, not who signs them",
		ours:  []string{nouns},
		never: []string{"database/sql", "net", "os"},
	},
	{
		path:  wishes,
		says:  "optout knows what words mean, and nobody who says them",
		never: []string{"database/sql", "net", "os"},
	},
	{
		path: "internal/provider",
		says: "provider is the contract and the list of those who keep it",
		ours: []string{nouns, "internal/provider/meta", "internal/provider/nxtele", "internal/provider/innopaas", "internal/provider/whizard", "internal/provider/dialog360"},
	},
	{
		path:  "internal/provider/lenient",
		says:  "lenient reads JSON, whatever it is about",
		never: []string{"database/sql", "net", "os"},
	},
	provider("meta"),
	provider("nxtele", "meta"),
	provider("innopaas", "meta"),
	provider("whizard", "meta"),
	provider("dialog360", "meta"),
	{
		path:  webAPI,
		says:  "webapi calls web APIs, and knows nobody's",
		never: []string{"database/sql", "os"},
	},
	client("whizard/whizardapi"),
	client("nxtele/nxcloud"),
	client("meta/graph"),
	{
		path: "internal/provider/apitest",
		says: "apitest stands in for the APIs of providers, and takes nothing from those who call them",
	},
	{
		path: "internal/state",
		says: "state keeps what events say in a database; it knows no Temporal",
		ours: []string{nouns},
		libs: []string{"github.com/jackc/pgx/v5", "github.com/pressly/goose/v3", "modernc.org/sqlite"},
	},
	{
		path:  "internal/condition",
		says:  "condition evaluates CEL about events; it knows nobody who asks it",
		ours:  []string{nouns},
		libs:  []string{"cel.dev/cel-go"},
		never: []string{"database/sql", "net", "os"},
	},
	{
		path:  "internal/routing",
		says:  "routing decides who is told, by the configuration; it tells nobody",
		ours:  []string{"internal/condition", "internal/config", nouns},
		never: []string{"database/sql", "net", "os"},
	},
	{
		path: "internal/notify",
		says: "notify tells destinations; it knows how they are configured, and no Temporal",
		ours: []string{
			"internal/config", "internal/routing", "internal/cloudevent", "internal/notify/sender", "internal/notify/signedhttp", nouns,
			"internal/notify/slack", "internal/notify/pagerduty", "internal/notify/teams", "internal/notify/email",
			"internal/notify/kafka", "internal/notify/nats", "internal/notify/rabbitmq",
		},
		libs:  []string{prometheus, groups},
		never: []string{"database/sql"},
	},
	{
		path:  "internal/cloudevent",
		says:  "cloudevent writes events as systems read them, however they are sent",
		ours:  []string{nouns},
		never: []string{"database/sql", "net", "os"},
	},
	{
		path:  "internal/notify/sender",
		says:  "sender is the contract of those who tell destinations, and knows none of them",
		ours:  []string{"internal/cloudevent", nouns},
		never: []string{"database/sql", "net", "os"},
	},
	{
		path:  "internal/notify/verdict",
		says:  "verdict says what answers mean, and their absence; it knows nobody who answers",
		ours:  []string{nouns},
		never: []string{"database/sql", "os"},
	},
	{
		path:  "internal/notify/trust",
		says:  "trust has the settings of TLS that all senders share, and knows none of them",
		ours:  []string{"internal/notify/sender", signing},
		never: []string{"database/sql", "net", "os"},
	},
	sender("signedhttp"),
	{
		path:  "internal/notify/wording",
		says:  "wording says to people what happened, and knows none of those who show it",
		ours:  []string{"internal/notify/sender", nouns},
		never: []string{"database/sql", "net", "os"},
	},
	{
		path:  "internal/notify/service",
		says:  "service has what services for people have in common, and knows none of them",
		ours:  []string{"internal/notify/verdict", nouns},
		never: []string{"database/sql", "os"},
	},
	{
		path: "internal/notify/servicetest",
		says: "servicetest stands in for services for people, and knows none of those who tell them",
		ours: []string{"internal/notify/sender", "internal/cloudevent", nouns}, libs: []string{"github.com/google/go-cmp"},
	},
	forPeople("slack", "github.com/slack-go/slack"),
	forPeople("pagerduty"),
	forPeople("teams"),
	forPeople("email", "github.com/wneessen/go-mail"),
	{
		path:  "internal/notify/broker",
		says:  "broker has what the senders for brokers have in common, and knows no broker",
		ours:  []string{"internal/notify/sender", "internal/notify/trust", "internal/notify/verdict", "internal/cloudevent", nouns, signing},
		never: []string{"database/sql"},
	},
	{
		path: "internal/notify/brokertest",
		says: "brokertest has events and programs for tests of senders for brokers, and knows none of them",
		ours: []string{"internal/notify/sender", "internal/cloudevent", nouns},
	},
	brokerSender("kafka", "github.com/twmb/franz-go"),
	brokerSender("nats", "github.com/nats-io"),
	brokerSender("rabbitmq", "github.com/rabbitmq/amqp091-go"),
	{
		path:  "internal/spool",
		says:  "spool keeps bytes on disk; it knows neither Temporal nor what they are",
		libs:  []string{prometheus},
		never: []string{"database/sql", "net"},
	},
	{
		path: "internal/intake",
		says: "intake groups and spools webhooks; it asks for a Starter and knows neither Temporal nor HTTP",
		ours: []string{"internal/spool", nouns}, libs: []string{prometheus},
		never: []string{"database/sql", "net", "os"},
	},
	{
		path: "internal/config",
		says: "config reads holdfast.yaml; providers and senders say which settings they have",
		ours: []string{"internal/provider", "internal/notify/sender", "internal/condition", nouns, signing}, libs: []string{yaml},
		never: []string{"database/sql"},
	},
	{
		path:  "internal/storage",
		says:  "storage keeps payloads in files or objects, as the SDK hands them over; it knows no server",
		ours:  []string{"internal/config", nouns},
		libs:  []string{temporalSDK, temporalAPI, prometheus, "google.golang.org/protobuf", "github.com/minio/minio-go/v7"},
		never: []string{"database/sql"},
	},
	{
		path: "internal/temporal",
		says: "temporal knows how to reach a server, and nobody in the house",
		libs: []string{
			temporalSDK, temporalAPI, prometheus, compression, "go.opentelemetry.io/otel", "google.golang.org/grpc", "google.golang.org/protobuf",
			"github.com/tink-crypto/tink-go/v2",
		},
		never: []string{"database/sql"},
	},
	{
		path: "internal/provider/providertest",
		says: "providertest examines providers by their contract",
		ours: []string{"internal/provider", nouns}, libs: []string{"github.com/google/go-cmp", "golang.org/x/tools/txtar"},
	},
	{
		path:  "docs/schemas",
		says:  "schemas has what internal/reference writes, for programs to read",
		ours:  []string{nouns},
		never: []string{"database/sql", "net", "os"},
	},
	{
		path: "internal/reference",
		says: "reference writes what receivers of events read; it knows what events carry and how they are told",
		ours: []string{nouns, "internal/cloudevent"}, libs: []string{"golang.org/x/tools/txtar"},
		never: []string{"database/sql", "net", "os"},
	},
	{
		path: "internal/state/statetest",
		says: "statetest starts databases, and knows none of us",
		libs: []string{"github.com/jackc/pgx/v5"},
	},
	{
		path: "day",
		says: "day stands around Holdfast as others do, in tests, and is no part of it",
	},
	{
		path: "chaos",
		says: "chaos breaks Holdfast from the outside, in tests, and is no part of it",
	},
	{
		path: "bench",
		says: "bench starts programs and reads what they report; it is none of them",
		ours: []string{"internal/load"}, libs: []string{"github.com/jackc/pgx/v5", groups}, never: []string{"database/sql"},
	},
	{
		path:  "internal/load",
		says:  "load makes and sends webhooks as providers do, and is told of them as destinations are; it knows nothing of how they are processed",
		ours:  []string{"internal/provider", "internal/provider/meta", "internal/provider/nxtele", signing},
		never: []string{"database/sql"},
	},
	{
		path:  "internal/diagnosis",
		says:  "diagnosis asks providers by their contract; it knows none by its name",
		ours:  []string{"internal/provider", nouns, signing},
		never: []string{"database/sql", "os"},
	},
	{
		path:  "internal/pasted",
		says:  "pasted reads text; it knows nobody, and opens nothing itself",
		never: []string{"database/sql", "os"},
	},
	{
		path: "internal/archtest",
		says: "archtest reads files, and knows nobody",
	},
}

// sender is a room of one who tells destinations of a type. It may use libraries of its own.
func sender(name string, libs ...string) room {
	return room{
		path:  "internal/notify/" + name,
		says:  name + " tells destinations by the contract of senders, and knows nobody else in the house",
		ours:  []string{"internal/notify/sender", "internal/notify/trust", "internal/notify/verdict", "internal/cloudevent", nouns, signing},
		libs:  libs,
		never: []string{"database/sql"},
	}
}

// forPeople is a room of one who tells people: in the words of wording, by what services have in common.
func forPeople(name string, libs ...string) room {
	r := sender(name, libs...)
	r.ours = append(r.ours, "internal/notify/wording", "internal/notify/service")
	return r
}

// brokerSender is a room of one who tells destinations that are brokers.
func brokerSender(name string, libs ...string) room {
	r := sender(name, libs...)
	r.ours = append(r.ours, "internal/notify/broker")
	return r
}

// provider is the room of a provider, and of those whose shapes it relays.
func provider(name string, relayed ...string) room {
	ours := []string{nouns, signing, wishes, "internal/provider/lenient"}
	for _, r := range relayed {
		ours = append(ours, "internal/provider/"+r)
	}
	return room{
		path: "internal/provider/" + name,
		says: "a provider knows webhook, signature, optout and lenient, and otherwise only the provider whose shapes it relays",
		ours: ours, never: []string{"database/sql", "os"},
	}
}

// client is the room of a client of a provider's web API.
func client(name string) room {
	return room{
		path: "internal/provider/" + name,
		says: "a client knows one web API; whose secrets it is given and what becomes of the answers is the business of cmd",
		ours: []string{signing, webAPI}, never: []string{"database/sql", "os"},
	}
}

// A file is a Go source file and what it imports.
type file struct {
	name    string // from the root of the repository
	imports []string
}

// TestImports reads the files instead of asking `go list`: what a test itself opens counts as its input, so an import
// that changes makes `go test` run it again. What a command opens would not, and a broken plan would pass from the cache.
func TestImports(t *testing.T) {
	t.Parallel()
	rooms := make(map[string]room)
	for _, r := range plan {
		rooms[r.path] = r
	}
	seen := make(map[string]bool)
	for _, f := range sources(t) {
		r, ok := rooms[path.Dir(f.name)]
		if !ok {
			t.Errorf("%s: package %s is not in the plan: say in %s what it is for and what it may import", f.name, path.Dir(f.name), "internal/archtest")
			continue
		}
		seen[r.path] = true
		for _, i := range f.imports {
			if why := r.refuses(i, strings.HasSuffix(f.name, "_test.go")); why != "" {
				t.Errorf("%s imports %s: %s", f.name, i, why)
			}
		}
	}
	if !seen["cmd/holdfast"] || !seen[nouns] {
		t.Fatalf("the house was not found: only %v", seen)
	}
}

// TestRefusals checks that the plan is not one that allows everything.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		room, imports string
		test, refused bool
	}{
		{room: "ingress", imports: "holdfast/internal/provider"},
		{room: "ingress", imports: "net/http"},
		{room: "ingress", imports: "holdfast/internal/provider/meta", refused: true},
		{room: "ingress", imports: "holdfast/internal/state", refused: true},
		{room: "ingress", imports: "database/sql/driver", refused: true},
		{room: "ingress", imports: "go.temporal.io/sdk/client", refused: true},
		{room: "workflows", imports: "net/url", refused: true},
		{room: "workflows", imports: "math/rand/v2", refused: true},
		{room: "internal/webhook", imports: "github.com/google/go-cmp/cmp", refused: true},
		{room: "internal/webhook", imports: "github.com/google/go-cmp/cmp", test: true},
		{room: "internal/webhook", imports: "holdfast/internal/provider", test: true},
		{room: "internal/provider/meta", imports: "holdfast/internal/provider/nxtele", refused: true},
		{room: "internal/state", imports: "holdfast/internal/state/statetest", refused: true},
		{room: "internal/state", imports: "holdfast/internal/state/statetest", test: true},
		{room: "internal/state", imports: "github.com/jackc/pgx/v5"},
		{room: "internal/state", imports: "github.com/jackc/pgx/v50", refused: true},
		{room: "cmd/holdfast", imports: "holdfast/internal/state/statetest", refused: true},
		{room: "worker", imports: "holdfast/cmd/holdfast", refused: true},
		{room: "worker", imports: "holdfast/cmd/holdfast", test: true, refused: true},
	} {
		r := plan[slices.IndexFunc(plan, func(r room) bool { return r.path == tt.room })]
		if why := r.refuses(tt.imports, tt.test); (why != "") != tt.refused {
			t.Errorf("%s (test: %v) imports %s: refused because %q, want refused: %v", tt.room, tt.test, tt.imports, why, tt.refused)
		}
	}
}

// refuses says which sentence an import breaks; nothing if none. Tests may import everybody but cmd: they join rooms
// as cmd does.
func (r room) refuses(imported string, test bool) string {
	own, ours := strings.CutPrefix(imported, module+"/")
	switch {
	case ours && below(own, "cmd"):
		return "nobody imports cmd"
	case test:
		return ""
	case ours && strings.HasSuffix(own, "test") && !strings.HasSuffix(r.path, "test"):
		return "packages for tests are imported by tests only"
	case ours && !allows(r.ours, own, func(a, b string) bool { return a == b }):
		return r.says
	case !ours && isLibrary(imported) && !allows(r.libs, imported, below):
		return r.says + " (no such library)"
	case slices.ContainsFunc(r.never, func(n string) bool { return below(imported, n) }):
		return r.says
	}
	return ""
}

func allows(list []string, imported string, same func(imported, listed string) bool) bool {
	return slices.ContainsFunc(list, func(l string) bool { return l == "*" || same(imported, l) })
}

// below reports whether a package is another, or in a folder of it.
func below(p, parent string) bool { return p == parent || strings.HasPrefix(p, parent+"/") }

// isLibrary reports whether a package is neither Go's nor ours: only these begin with the name of a host.
func isLibrary(imported string) bool {
	host, _, _ := strings.Cut(imported, "/")
	return strings.Contains(host, ".")
}

// sources reads all Go files of the module, whatever system they are for.
func sources(t *testing.T) []file {
	t.Helper()
	const root = "../.."
	var out []file
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			_, nested := os.Stat(filepath.Join(name, "go.mod"))
			hidden := strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")
			if name != root && (nested == nil || hidden || base == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f := file{name: filepath.ToSlash(rel)}
		for _, i := range parsed.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imported)
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
