package kafka

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"holdfast/internal/cloudevent"
	"holdfast/internal/notify/broker"
	"holdfast/internal/notify/brokertest"
	"holdfast/internal/notify/sender"
	"holdfast/internal/webhook"
)

const topic = "whatsapp.account"

func cluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(1, topic)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func to(c *kfake.Cluster) *Options {
	return &Options{Brokers: c.ListenAddrs(), Topic: "whatsapp.{family}"}
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

// ids reads the events of a topic, in order, until there are n of them.
func ids(t *testing.T, c *kfake.Cluster, n int) (list []string) {
	t.Helper()
	for _, r := range read(t, c, n) {
		var e struct{ ID string }
		if err := json.Unmarshal(r.Value, &e); err != nil {
			t.Fatal(err)
		}
		list = append(list, e.ID)
	}
	return list
}

func read(t *testing.T, c *kfake.Cluster, n int) (list []*kgo.Record) {
	t.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics(topic), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for len(list) < n {
		fetched := reader.PollFetches(ctx)
		if err := fetched.Err0(); err != nil {
			t.Fatalf("%v after %d of %d records", err, len(list), n)
		}
		list = append(list, fetched.Records()...)
	}
	return list
}

func TestTold(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]map[string]string{
		cloudevent.ModeStructured: {"content-type": cloudevent.ContentType},
		cloudevent.ModeBinary: {
			"content-type": "application/json", "ce_specversion": "1.0", "ce_id": "evt_1", "ce_source": "/sources/meta-main",
			"ce_type": "account.banned", "ce_subject": "account/100000000000001", "ce_time": "2025-10-23T08:23:27Z",
			"ce_dataschema": "urn:holdfast:event:account.banned", "ce_severity": "critical", "ce_provider": "meta",
		},
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			c := cluster(t)
			o := to(c)
			o.Format = format
			if v := brokertest.Send(t, told(t, o), brokertest.Message("evt_1"), 10*time.Second); v != nil {
				t.Fatal(v)
			}
			r := read(t, c, 1)[0]
			got := make(map[string]string)
			for _, h := range r.Headers {
				got[h.Key] = string(h.Value)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if string(r.Key) != "100000000000001" {
				t.Errorf("key %q", r.Key)
			}
			wanted, err := brokertest.Message("evt_1").CloudEvent.JSON()
			if format == cloudevent.ModeBinary {
				wanted, err = brokertest.Message("evt_1").CloudEvent.DataJSON()
			}
			if err != nil || string(r.Value) != string(wanted) {
				t.Errorf("got %s, want %s", r.Value, wanted)
			}
		})
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	d := new(destination)
	for want, e := range map[string]webhook.Event{
		"1": {Account: "1", Phone: webhook.Phone{ID: "2"}},
		"2": {Phone: webhook.Phone{ID: "2", Number: "3"}},
		"3": {Phone: webhook.Phone{Number: "3"}},
		"":  {},
	} {
		if got := d.record(sender.Message{Telling: webhook.Telling{Event: e}}, broker.Content{}).Key; string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	names := []string{"none", "gzip", "snappy", "lz4", "zstd"}
	for _, name := range names {
		o := to(c)
		o.Compression = name
		if v := brokertest.Send(t, told(t, o), brokertest.Message(name), 10*time.Second); v != nil {
			t.Errorf("%s: %v", name, v)
		}
	}
	if diff := cmp.Diff(names, ids(t, c, len(names))); diff != "" {
		t.Error(diff)
	}
}

// TestConcurrent has many attempts under way at once: each event is there once, and those of one goroutine in its order.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	d := told(t, to(c))
	const senders, each = 8, 25
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			for i := range each {
				if v := brokertest.Send(t, d, brokertest.Message(fmt.Sprintf("%d/%02d", s, i)), 20*time.Second); v != nil {
					t.Error(v)
				}
			}
		})
	}
	all.Wait()
	last := make(map[string]string)
	for _, id := range ids(t, c, senders*each) {
		who, _, _ := strings.Cut(id, "/")
		if id <= last[who] {
			t.Errorf("%s after %s", id, last[who])
		}
		last[who] = id
	}
}

// TestRestart has the broker end and start again.
func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := cluster(t, kfake.DataDir(dir))
	o := to(c)
	d := told(t, o)
	if v := brokertest.Send(t, d, brokertest.Message("before"), 10*time.Second); v != nil {
		t.Fatal(v)
	}
	var port int
	if _, err := fmt.Sscanf(c.ListenAddrs()[0], "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if v := brokertest.Send(t, d, brokertest.Message("meanwhile"), 300*time.Millisecond); v == nil || v.Kind != webhook.Retry || !strings.HasPrefix(v.Reason, "time-out after") {
		t.Errorf("no broker any more: %+v", v)
	}
	begun := time.Now()
	if v := brokertest.Send(t, d, brokertest.Message("meanwhile"), 10*time.Second); v == nil || v.Kind != webhook.Retry || v.Reason != "connection refused" {
		t.Errorf("no broker: %+v", v)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("to find that nobody is there took %v", took)
	}
	c = cluster(t, kfake.DataDir(dir), kfake.Ports(port))
	if v := brokertest.Send(t, d, brokertest.Message("after"), 10*time.Second); v != nil {
		t.Fatal(v)
	}
	if diff := cmp.Diff([]string{"before", "after"}, ids(t, c, 2)); diff != "" {
		t.Error(diff)
	}
}

// TestNoAnswer has the broker take requests and answer nothing: the attempt ends with its context, and what it gave up is not
// written later.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	d := told(t, to(c))
	if v := brokertest.Send(t, d, brokertest.Message("before"), 10*time.Second); v != nil {
		t.Fatal(v)
	}
	mute := make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.SleepControl(func() { <-mute })
		return nil, errors.New("hung up"), true
	})
	begun := time.Now()
	if v := brokertest.Send(t, d, brokertest.Message("lost"), 200*time.Millisecond); v == nil || v.Kind != webhook.Retry || v.Reason != "time-out after 200ms" {
		t.Errorf("got %+v", v)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("an attempt of 200ms took %v", took)
	}
	close(mute)
	if v := brokertest.Send(t, d, brokertest.Message("after"), 10*time.Second); v != nil {
		t.Fatal(v)
	}
	if diff := cmp.Diff([]string{"before", "after"}, ids(t, c, 2)); diff != "" {
		t.Error(diff)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	certificate.Close()
	plain := cluster(t)
	closed := &Options{Brokers: []string{"127.0.0.1:1"}, Topic: topic} // nobody is there
	encrypted := cluster(t, kfake.TLS(&tls.Config{Certificates: certificate.TLS.Certificates}))
	guarded := cluster(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "root", "secret"), kfake.User("SCRAM-SHA-256", "reader", "secret",
		kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: topic, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: kmsg.ACLOperationDescribe, Allow: true}))
	// Kafka says that a login is wrong; the fake only hangs up.
	strict := cluster(t, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "root", "secret"))
	strict.ControlKey(int16(kmsg.SASLAuthenticate), func(r kmsg.Request) (kmsg.Response, error, bool) {
		strict.KeepControl()
		answer := r.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		answer.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return answer, nil, true
	})
	with := func(c *kfake.Cluster, change func(*Options)) *Options {
		o := to(c)
		change(o)
		return o
	}
	for name, c := range map[string]struct {
		options *Options
		want    webhook.Verdict
	}{
		"closed":      {closed, webhook.Verdict{Kind: webhook.Retry, Reason: "connection refused"}},
		"no topic":    {with(plain, func(o *Options) { o.Topic = "other" }), webhook.Verdict{Kind: webhook.Trouble, Reason: "unknown topic"}},
		"no TLS here": {to(encrypted), webhook.Verdict{Kind: webhook.Trouble, Reason: "connection closed at the first words"}},
		"untrusted": {
			with(encrypted, func(o *Options) { o.TLS.Enabled = true }),
			webhook.Verdict{Kind: webhook.Trouble, Reason: "certificate of an unknown authority"},
		},
		"no login": {to(guarded), webhook.Verdict{Kind: webhook.Trouble, Reason: "connection closed at the first words"}},
		"wrong password": {
			with(strict, func(o *Options) { o.SASL = SASL{"scram-sha-256", "root", "wrong"} }),
			webhook.Verdict{Kind: webhook.Trouble, Reason: "login refused"},
		},
		"reads only": {
			with(guarded, func(o *Options) { o.SASL = SASL{"scram-sha-256", "reader", "secret"} }),
			webhook.Verdict{Kind: webhook.Trouble, Reason: "not allowed to write"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := brokertest.Send(t, told(t, c.options), brokertest.Message("evt_1"), 10*time.Second)
			if v == nil {
				t.Fatal("told")
			}
			if (v.Kind == webhook.Trouble) != (v.Advice != "") {
				t.Errorf("%s with the advice %q", v.Kind, v.Advice)
			}
			v.Advice = ""
			if diff := cmp.Diff(&c.want, v); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("login", func(t *testing.T) {
		t.Parallel()
		o := with(guarded, func(o *Options) { o.SASL = SASL{"plain", "root", "secret"} })
		if v := brokertest.Send(t, told(t, o), brokertest.Message("evt_1"), 10*time.Second); v != nil {
			t.Error(v)
		}
	})
}

// TestTooLarge has events that are small be written together with large ones: only those are refused.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	c := cluster(t, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "4000"}))
	d := told(t, to(c))
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			if v := brokertest.Send(t, d, brokertest.Message(fmt.Sprint(i)), 20*time.Second); v != nil {
				t.Errorf("small: %+v", v)
			}
		})
	}
	all.Go(func() {
		v := brokertest.Send(t, d, brokertest.Large("large", 5000), 20*time.Second)
		if v == nil || v.Kind != webhook.Refused || v.Reason != "message too large" {
			t.Errorf("large: %+v", v)
		}
	})
	all.Go(func() {
		v := brokertest.Send(t, d, brokertest.Large("enormous", 2_000_000), 20*time.Second) // more than we put into a batch
		if v == nil || v.Kind != webhook.Refused || v.Reason != "message too large" {
			t.Errorf("enormous: %+v", v)
		}
	})
	all.Wait()
	ids(t, c, 40)
}

// TestClose has attempts under way while the destination is closed again and again: none is harmed, and it can be used on.
func TestClose(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	d := told(t, to(c))
	var all sync.WaitGroup
	for s := range 4 {
		all.Go(func() {
			for i := range 10 {
				if v := brokertest.Send(t, d, brokertest.Message(fmt.Sprintf("%d/%d", s, i)), 20*time.Second); v != nil {
					t.Error(v)
				}
				d.Close()
			}
		})
	}
	all.Wait()
	ids(t, c, 40)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for setting, change := range map[string]func(*Options){
		"":               func(*Options) {},
		"brokers":        func(o *Options) { o.Brokers = []string{"kafka://a:9092"} },
		"topic":          func(o *Options) { o.Topic = "a b" },
		"format":         func(o *Options) { o.Format = "avro" },
		"compression":    func(o *Options) { o.Compression = "brotli" },
		"tls.ca":         func(o *Options) { o.TLS.CA = "/etc/ca.pem" },
		"sasl.mechanism": func(o *Options) { o.SASL = SASL{"gssapi", "a", "b"} },
		"sasl.password":  func(o *Options) { o.SASL = SASL{"plain", "a", ""} },
	} {
		o := &Options{Brokers: []string{"a:9092"}, Topic: "events"}
		change(o)
		problems := Type().Check(o)
		if setting == "" && len(problems) > 0 || setting != "" && (len(problems) != 1 || problems[0].Setting != setting) {
			t.Errorf("%q: %v", setting, problems)
		}
	}
	if problems := Type().Check(Type().Options()); len(problems) != 2 {
		t.Errorf("nothing is required but %v", problems)
	}
}
