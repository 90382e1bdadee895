package nats

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"holdfast/internal/cloudevent"
	"holdfast/internal/notify/brokertest"
	"holdfast/internal/notify/sender"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

func (s *server) options() *Options {
	return &Options{Servers: []string{"nats://" + s.address}, Subject: "holdfast.{type}"}
}

// told opens a destination.
func told(t *testing.T, o *Options) *destination {
	t.Helper()
	d, err := open(o, brokertest.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// stream makes a stream, as an operator would.
func (s *server) stream(t *testing.T, c jetstream.StreamConfig, options ...nats.Option) jetstream.Stream {
	t.Helper()
	conn, err := nats.Connect("nats://"+s.address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	made, err := js.CreateOrUpdateStream(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func count(t *testing.T, s jetstream.Stream) int {
	t.Helper()
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return int(info.State.Msgs)
}

var events = jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"holdfast.>"}}

func TestTold(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	stored := s.stream(t, events)
	for i, c := range []struct {
		format string
		want   nats.Header
	}{
		{cloudevent.ModeStructured, nats.Header{"Nats-Msg-Id": {"evt_0"}, "content-type": {cloudevent.ContentType}}},
		{cloudevent.ModeBinary, nats.Header{
			"Nats-Msg-Id": {"evt_1"}, "content-type": {"application/json"}, "ce-specversion": {"1.0"}, "ce-id": {"evt_1"},
			"ce-source": {"/sources/meta-main"}, "ce-type": {"account.banned"}, "ce-subject": {"account/100000000000001"},
			"ce-time": {"2025-10-23T08:23:27Z"}, "ce-dataschema": {"urn:holdfast:event:account.banned"}, "ce-severity": {"critical"}, "ce-provider": {"meta"},
		}},
	} {
		o := s.options()
		o.Format = c.format
		m := brokertest.Message(fmt.Sprintf("evt_%d", i))
		d := told(t, o)
		for range 2 { // the second time the stream knows it
			if v := brokertest.Send(t, d, m, 10*time.Second); v != nil {
				t.Fatal(v)
			}
		}
		got, err := stored.GetMsg(t.Context(), uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got.Header); diff != "" {
			t.Error(diff)
		}
		if got.Subject != "holdfast.account.banned" {
			t.Errorf("subject %q", got.Subject)
		}
		want, err := m.CloudEvent.JSON()
		if c.format == cloudevent.ModeBinary {
			want, err = m.CloudEvent.DataJSON()
		}
		if err != nil || string(got.Data) != string(want) {
			t.Errorf("got %s, want %s", got.Data, want)
		}
	}
	if n := count(t, stored); n != 2 {
		t.Errorf("%d messages of 2 events", n)
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	if got, want := escape("a/b:c é\r\nNats-Expected-Stream: x%\""), "a/b:c%20%C3%A9%0D%0ANats-Expected-Stream:%20x%25%22"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestConcurrent(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	stored := s.stream(t, events)
	d := told(t, s.options())
	const senders, each = 8, 25
	var all sync.WaitGroup
	for n := range senders {
		all.Go(func() {
			for i := range each {
				if v := brokertest.Send(t, d, brokertest.Message(fmt.Sprintf("%d/%d", n, i)), 20*time.Second); v != nil {
					t.Error(v)
				}
				if i%10 == 0 {
					d.Close() // harms nobody, and it can be used on
				}
			}
		})
	}
	all.Wait()
	if n := count(t, stored); n != senders*each {
		t.Errorf("%d messages of %d events", n, senders*each)
	}
}

// TestRestart has the server be killed, also while somebody waits for an answer, and start again.
func TestRestart(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	stored := s.stream(t, events)
	d := told(t, s.options())
	if v := brokertest.Send(t, d, brokertest.Message("before"), 10*time.Second); v != nil {
		t.Fatal(v)
	}
	s.Kill()
	begun := time.Now()
	for range 3 {
		v := brokertest.Send(t, d, brokertest.Message("meanwhile"), 10*time.Second)
		if v == nil || v.Kind != webhook.Retry || v.Reason != "not connected" {
			t.Fatalf("no server any more: %+v", v)
		}
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("to find that nobody is there took %v", took)
	}
	s.run(t)
	for v := brokertest.Send(t, d, brokertest.Message("after"), 10*time.Second); v != nil; v = brokertest.Send(t, d, brokertest.Message("after"), 10*time.Second) {
		if v.Kind != webhook.Retry || time.Since(begun) > 30*time.Second {
			t.Fatal(v)
		}
	}
	if n := count(t, stored); n != 2 {
		t.Errorf("%d messages, want before and after", n)
	}
}

// TestNoAnswer has somebody else than JetStream listen, who does not answer.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	conn, err := nats.Connect("nats://" + s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	heard, err := conn.SubscribeSync("holdfast.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	d := told(t, s.options())
	if v := brokertest.Send(t, d, brokertest.Message("evt_1"), 200*time.Millisecond); v == nil || *v != (webhook.Verdict{Kind: webhook.Retry, Reason: "time-out after 200ms"}) {
		t.Errorf("got %+v", v)
	}
	ended := make(chan *webhook.Verdict)
	go func() { ended <- brokertest.Send(t, d, brokertest.Message("evt_2"), 10*time.Second) }()
	for range 2 {
		if _, err := heard.NextMsgWithContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.Kill()
	if v := <-ended; v == nil || *v != (webhook.Verdict{Kind: webhook.Retry, Reason: "not connected"}) {
		t.Errorf("killed while somebody waits: %+v", v)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	open := start(t, "max_payload: 100000")
	open.stream(t, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"holdfast.>"}, MaxMsgSize: 50_000})
	open.stream(t, jetstream.StreamConfig{Name: "FULL", Subjects: []string{"full"}, MaxMsgs: 1, Discard: jetstream.DiscardNew})
	if v := brokertest.Send(t, told(t, &Options{Servers: []string{"nats://" + open.address}, Subject: "full"}), brokertest.Message("first"), 10*time.Second); v != nil {
		t.Fatal(v)
	}
	guarded := start(t, `authorization { users: [
		{user: root, password: secret},
		{user: other, password: secret, permissions: {publish: {deny: "holdfast.>"}}},
		{user: deaf, password: secret, permissions: {subscribe: {deny: ">"}}},
	] }`)
	guarded.stream(t, events, nats.UserInfo("root", "secret"))
	gone := &server{address: "127.0.0.1:1"} // nobody is there
	as := func(user string, password signature.Secret) *Options {
		o := guarded.options()
		o.Username, o.Password = user, password
		return o
	}
	with := func(change func(*Options)) *Options {
		o := open.options()
		change(o)
		return o
	}
	small := brokertest.Message("evt_1")
	for name, c := range map[string]struct {
		options *Options
		message sender.Message
		want    webhook.Verdict
	}{
		"closed":          {gone.options(), small, webhook.Verdict{Kind: webhook.Retry, Reason: "no server answers"}},
		"no login":        {guarded.options(), small, webhook.Verdict{Kind: webhook.Trouble, Reason: "login refused"}},
		"wrong password":  {as("root", "wrong"), small, webhook.Verdict{Kind: webhook.Trouble, Reason: "login refused"}},
		"may not publish": {as("other", "secret"), small, webhook.Verdict{Kind: webhook.Trouble, Reason: "not allowed to publish"}},
		"may not listen":  {as("deaf", "secret"), small, webhook.Verdict{Kind: webhook.Trouble, Reason: "not allowed to publish"}},
		"no TLS":          {with(func(o *Options) { o.TLS.Enabled = true }), small, webhook.Verdict{Kind: webhook.Trouble, Reason: "no TLS where TLS is configured"}},
		"no stream":       {with(func(o *Options) { o.Subject = "other" }), small, webhook.Verdict{Kind: webhook.Trouble, Reason: "no stream takes this subject"}},
		"other stream":    {with(func(o *Options) { o.Stream = "OTHER" }), small, webhook.Verdict{Kind: webhook.Trouble, Reason: "another stream takes this subject"}},
		"full":            {with(func(o *Options) { o.Subject = "full" }), small, webhook.Verdict{Kind: webhook.Retry, Reason: "stream cannot store"}},
		"too large":       {open.options(), brokertest.Large("large", 60_000), webhook.Verdict{Kind: webhook.Refused, Reason: "message too large"}},
		"enormous":        {open.options(), brokertest.Large("large", 120_000), webhook.Verdict{Kind: webhook.Refused, Reason: "message too large"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := told(t, c.options)
			for range 2 { // the second attempt finds what the first left behind
				v := brokertest.Send(t, d, c.message, 5*time.Second)
				if v == nil {
					t.Fatal("told")
				}
				if v.Kind != webhook.Retry && v.Advice == "" {
					t.Error("no advice")
				}
				v.Advice = ""
				if diff := cmp.Diff(&c.want, v); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	t.Run("login", func(t *testing.T) {
		t.Parallel()
		if v := brokertest.Send(t, told(t, as("root", "secret")), small, 5*time.Second); v != nil {
			t.Error(v)
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for setting, change := range map[string]func(*Options){
		"":            func(*Options) {},
		"servers":     func(o *Options) { o.Servers = []string{"nats://a:b@c:4222"} },
		"subject":     func(o *Options) { o.Subject = "a.>" },
		"stream":      func(o *Options) { o.Stream = "a.b" },
		"format":      func(o *Options) { o.Format = "avro" },
		"nkey":        func(o *Options) { o.NKey = "SU" },
		"password":    func(o *Options) { o.Username = "a" },
		"credentials": func(o *Options) { o.Credentials = "secret" },
	} {
		o := Type().Options().(*Options)
		o.Servers = []string{"nats://a:4222"}
		change(o)
		problems := Type().Check(o)
		if setting == "" && len(problems) > 0 || setting != "" && (len(problems) != 1 || problems[0].Setting != setting) {
			t.Errorf("%q: %v", setting, problems)
		}
	}
}
