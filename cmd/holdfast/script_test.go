package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"holdfast/internal/provider/apitest"
	"holdfast/internal/provider/meta"
	"holdfast/internal/spool"
)

// The scripts under testdata/script run the program as a person would. $TEMPORAL is a Temporal server, and $NAMESPACE one
// of its namespaces that does not exist yet.
func TestScripts(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "holdfast")); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv(asProgram, "1")
			_, address := temporalServer(t)
			env.Setenv("TEMPORAL", address)
			env.Values[spoolKey{}] = new(*spool.Spool)
			env.Setenv("NAMESPACE", fmt.Sprintf("fresh-%x", time.Now().UnixNano()))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"house": houseCommand(t), "spool": spoolCommand, "standins": standinsCommand(t)},
	})
}

// houseCommand is the script command `house`: it runs ingress and worker for the rest of the script and writes their
// configuration, with the addresses filled in, to holdfast.yaml; $SOURCE is its Meta source. other-secret.yaml is the same
// with another secret, other-token.yaml with another verify token.
func houseCommand(t *testing.T) func(ts *testscript.TestScript, neg bool, args []string) {
	return func(ts *testscript.TestScript, _ bool, _ []string) {
		r := newRig(t)
		r.stateURL = "sqlite:" + filepath.Join(ts.Getenv("WORK"), "state.db")
		yaml := r.yaml(nil) + "  nx-" + r.name[len(r.name)-16:] + ": {provider: nxtele, access_keys: {demo: secret}}\n" +
			"  wz-" + r.name[len(r.name)-16:] + `: {provider: whizard, phone: "15550001111", credentials: [{name: a, headers: {Authorization: Bearer one, X-Key: "1"}}]}` + "\n"
		crm := newListener(t)
		yaml += "destinations:\n  crm: {url: \"" + crm.URL + "\", secret: \"whsec_" + newSigningKey() + "\", private: true, events: [\"*\"]}\n"
		cfg, err := parseTest(yaml)
		ts.Check(err)
		h := r.start(cfg, both)
		ts.Setenv("SOURCE", r.name)
		ts.Setenv("INGRESS", h.ingress)
		for file, change := range map[string][2]string{
			"holdfast.yaml": {}, "other-secret.yaml": {r.secret, "another-secret"}, "other-token.yaml": {"verify_token: token", "verify_token: other"},
		} {
			text := strings.NewReplacer(
				`ingress: {listen: "127.0.0.1:0"}`, `ingress: {listen: "`+strings.TrimPrefix(h.ingress, "http://")+`"}`,
				`metrics: {listen: "127.0.0.1:0"}`, `metrics: {listen: "`+strings.TrimPrefix(h.metrics, "http://")+`"}`).Replace(yaml)
			ts.Check(os.WriteFile(ts.MkAbs(file), []byte(strings.ReplaceAll(text, change[0], change[1])), 0o600))
		}
	}
}

// standinsCommand is the script command `standins`: it starts what stands in for the web APIs of providers.
//
//   - $WHIZARD_API is Whizard's, which knows $THE_WHIZARD_KEY.
//   - $NXCLOUD_API is nxtele's, which knows the source of `house`. It has two account updates of 15550001111 and one of
//     15550002222.
//   - $GRAPH_API is Meta's, which knows the secret of that of `house` as that of app 188, the token hidden-token, and the
//     accounts 4711 and 4712. It reaches the ingress of `house` at any host.
func standinsCommand(t *testing.T) func(ts *testscript.TestScript, neg bool, args []string) {
	return func(ts *testscript.TestScript, _ bool, _ []string) {
		ts.Setenv("THE_WHIZARD_KEY", "hidden-key")
		ts.Setenv("WHIZARD_API", apitest.NewWhizard(t, "hidden-key").URL)

		at := ts.Getenv("INGRESS")
		graph := apitest.NewGraph(t, "188", "secret-one", "hidden-token", []string{"4711", "4712"}, meta.Fields())
		graph.Reach = func(u *url.URL) string { return at + u.Path }
		ts.Setenv("GRAPH_API", graph.URL)

		nx, now := apitest.NewNXCloud(t, "demo", "secret", "pem28kje"), time.Now()
		ts.Setenv("NXCLOUD_API", nx.URL)
		update := `{"field":"account_update","value":{%s,"business_phone":"15550001111","time":%d,"wabaId":"%s"}}`
		nx.Store("15550001111", "account_update", now.Add(-3*time.Hour), fmt.Sprintf(update, `"event":"ACCOUNT_VIOLATION"`, now.Add(-3*time.Hour).Unix(), "4711"))
		nx.Store("15550001111", "account_update", now.Add(-time.Hour), fmt.Sprintf(update, `"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE"}`, now.Add(-time.Hour).Unix(), "4711"))
		nx.Store("15550002222", "account_update", now.Add(-time.Hour), fmt.Sprintf(update, `"event":"ACCOUNT_DELETED"`, now.Add(-time.Hour).Unix(), "4712"))
	}
}
