// Package day holds a day in the life of an installation as a script, day.txtar, with what stands around it: a Temporal
// server, ten destinations that can be told to misbehave, and a provider that sends webhooks. Everything else is the program
// as operators run it.
package day

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
)

var (
	within = flag.Duration("within", 20*time.Second, "in which destinations that are well must be told; make day says 1s")
	stay   = flag.Bool("stay", false, "leave everything running at the end, for a look at the Temporal UI, until interrupted")
)

// patience is for everything that takes as long as it takes: probes, restarts, what is owed.
const patience = 90 * time.Second

func TestDay(t *testing.T) {
	bin, err := filepath.Abs(filepath.Join("..", "bin"))
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"holdfast", "holdfast-devserver"} {
		if _, err := os.Stat(filepath.Join(bin, program)); err != nil {
			t.Fatalf("%v: run 'make build' first", err)
		}
	}
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: filepath.Join(bin, "holdfast-devserver"), EnableUI: true, LogLevel: "error",
		ClientOptions: &client.Options{Namespace: "default", Logger: silent{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error("stop the Temporal server:", err)
		}
	})
	d := &day{program: filepath.Join(bin, "holdfast"), receivers: map[string]*receiver{}, sent: map[string]time.Time{}}
	testscript.Run(t, testscript.Params{
		Files: []string{"day.txtar"},
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("TEMPORAL_ADDRESS", server.FrontendHostPort())
			env.Setenv("APP_SECRET", "the-app-secret")
			for _, name := range []string{"INGRESS", "METRICS"} {
				address, err := freeAddress()
				if err != nil {
					return err
				}
				env.Setenv(name, address)
			}
			env.Setenv("SIGNING_KEY", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
			d.temporal = server.Client()
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"receivers": d.receiversCommand(t), "fill": d.fillCommand, "answer": d.answerCommand, "bans": d.sendCommand(ban), "optouts": d.sendCommand(optOut),
			"told": d.toldCommand, "ready": d.readyCommand, "details": d.detailsCommand, "eventually": d.eventuallyCommand, "stay": stayCommand,
		},
	})
}

// freeAddress is one at which nobody listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free address: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// A day is what stands around the program.
type day struct {
	program   string // holdfast's
	temporal  client.Client
	receivers map[string]*receiver
	ingress   string
	sent      map[string]time.Time // by account: each webhook is of one of its own
	next      int
}

// receivers NAME… starts a destination of each name, which takes what it is told. $NAME is its URL, in capital letters.
func (d *day) receiversCommand(t *testing.T) func(ts *testscript.TestScript, neg bool, args []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		for _, name := range args {
			d.receivers[name] = newReceiver(t)
			ts.Setenv(strings.ToUpper(name), d.receivers[name].url())
		}
	}
}

// fill FILE writes a file again, with variables filled in.
func (d *day) fillCommand(ts *testscript.TestScript, _ bool, args []string) {
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// answer NAME… HOW has destinations answer in another way from now on: see [receiver.answer].
func (d *day) answerCommand(ts *testscript.TestScript, _ bool, args []string) {
	names, how := args[:len(args)-1], args[len(args)-1]
	for _, name := range names {
		ts.Check(d.receiver(ts, name).answer(how))
	}
}

func (d *day) receiver(ts *testscript.TestScript, name string) *receiver {
	r, ok := d.receivers[name]
	if !ok {
		ts.Fatalf("no receiver %s", name)
	}
	return r
}

// ready ADDRESS waits until the ingress there is ready, and has what is sent go there.
func (d *day) readyCommand(ts *testscript.TestScript, _ bool, args []string) {
	d.ingress = "http://" + args[0]
	eventually(ts, "ready", func() error {
		resp, err := http.Get(d.ingress + "/readyz")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", resp.StatusCode)
		}
		return nil
	})
}

// ban and optOut are webhooks as Meta sends them; the account makes each another event.
func ban(account string, at time.Time) string {
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"time":%d,"changes":[{"field":"account_update",`+
		`"value":{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE","waba_ban_date":"October 22, 2025"}}}]}]}`, account, at.Unix())
}

func optOut(account string, at time.Time) string {
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"user_preferences","value":{`+
		`"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},`+
		`"user_preferences":[{"wa_id":"1%s","detail":"User requested to stop marketing messages","category":"marketing_messages","value":"stop","timestamp":%d}]}}]}]}`,
		account, account[5:], at.Unix())
}

// bans N and optouts N send so many webhooks, one after the other.
func (d *day) sendCommand(make func(account string, at time.Time) string) func(ts *testscript.TestScript, neg bool, args []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		n, err := strconv.Atoi(args[0])
		ts.Check(err)
		for range n {
			d.next++
			account := strconv.Itoa(102290129340000 + d.next)
			now := time.Now()
			body := make(account, now)
			mac := hmac.New(sha256.New, []byte(ts.Getenv("APP_SECRET")))
			mac.Write([]byte(body))
			req, err := http.NewRequest(http.MethodPost, d.ingress+"/webhooks/meta-main", strings.NewReader(body))
			ts.Check(err)
			req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
			d.sent[account] = now
			resp, err := http.DefaultClient.Do(req)
			ts.Check(err)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				ts.Fatalf("the ingress answers %d", resp.StatusCode)
			}
		}
	}
}

// told NAME… [within] waits until the destinations were told everything that was sent, each event once and under one id.
// Within says that it must have been told in the time of the flag of that name. ! told NAME wants it to have been told less.
func (d *day) toldCommand(ts *testscript.TestScript, neg bool, args []string) {
	names, timely := args, false
	if args[len(args)-1] == "within" {
		names, timely = args[:len(args)-1], true
	}
	for _, name := range names {
		r := d.receiver(ts, name)
		if neg {
			if r.count() >= len(d.sent) {
				ts.Fatalf("%s was told everything", name)
			}
			continue
		}
		eventually(ts, name+" is told everything", func() error {
			if n := r.count(); n < len(d.sent) {
				return fmt.Errorf("told %d of %d", n, len(d.sent))
			}
			return nil
		})
		ts.Check(r.once())
		if !timely {
			continue
		}
		var took []time.Duration
		for account, at := range d.sent {
			took = append(took, r.first(account).Sub(at))
		}
		slices.Sort(took)
		ts.Logf("%s: told of %d, half within %v, all within %v", name, len(took), took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
		if last := took[len(took)-1]; last > *within {
			ts.Fatalf("%s was told something only after %v", name, last)
		}
	}
}

// details WORKFLOW PATTERN waits until what the Temporal UI shows of a workflow matches.
func (d *day) detailsCommand(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[1])
	eventually(ts, args[0]+" says so", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		metadata, err := d.temporal.QueryWorkflow(ctx, args[0], "", "__temporal_workflow_metadata")
		if err != nil {
			return err
		}
		var shown sdk.WorkflowMetadata
		if err := metadata.Get(&shown); err != nil {
			return err
		}
		if !pattern.MatchString(shown.GetCurrentDetails()) {
			return fmt.Errorf("it says: %s", shown.GetCurrentDetails())
		}
		return nil
	})
}

// eventually PATTERN ARGUMENT… runs holdfast until it succeeds and prints what matches, or nothing that does, and shows what
// it printed then.
func (d *day) eventuallyCommand(ts *testscript.TestScript, neg bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[0])
	var out []byte
	eventually(ts, "holdfast "+strings.Join(args[1:], " "), func() error {
		command := exec.Command(d.program, args[1:]...)
		command.Dir = ts.Getenv("WORK")
		for _, name := range []string{"HOME", "TEMPORAL_ADDRESS", "APP_SECRET", "SIGNING_KEY"} {
			command.Env = append(command.Env, name+"="+ts.Getenv(name))
		}
		var err error
		out, err = command.CombinedOutput()
		if err == nil && pattern.Match(out) == neg {
			err = errors.New("it prints something else")
		}
		if err != nil {
			return fmt.Errorf("%w:\n%s", err, out)
		}
		return nil
	})
	ts.Logf("%s", out)
}

// stay leaves everything running, if asked to.
func stayCommand(ts *testscript.TestScript, _ bool, _ []string) {
	if *stay {
		ts.Logf("everything runs until it is interrupted")
		select {}
	}
}

func eventually(ts *testscript.TestScript, what string, try func() error) {
	deadline := time.After(patience)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			ts.Fatalf("not in time: %s: %v", what, err)
		case <-tick.C:
		}
	}
}

// silent is a logger of the SDK that says nothing.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
