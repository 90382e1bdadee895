package rabbitmq

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	amqp "github.com/rabbitmq/amqp091-go"

	"holdfast/internal/cloudevent"
	"holdfast/internal/notify/brokertest"
	"holdfast/internal/notify/sender"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

func hash(password string) string {
	salt := []byte{1, 2, 3, 4}
	sum := sha256.Sum256(append(salt, password...))
	return base64.StdEncoding.EncodeToString(append(salt, sum[:]...))
}

func (s *server) url(user, password, vhost string) string {
	return "amqp://" + user + ":" + password + "@" + s.address + "/" + vhost
}

func (s *server) options() *Options {
	return &Options{URL: signature.Secret(s.url("writer", "secret", "")), Exchange: "events"}
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

// take empties a queue.
func (s *server) take(t *testing.T, queue string) (list []amqp.Delivery) {
	t.Helper()
	conn, err := amqp.Dial(s.url("writer", "secret", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	channel, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	for {
		m, ok, err := channel.Get(queue, true)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return list
		}
		list = append(list, m)
	}
}

// TestRabbitMQ has one server for all, because it takes seconds to start.
func TestRabbitMQ(t *testing.T) {
	t.Parallel()
	s := start(t)
	t.Run("told", func(t *testing.T) { testTold(t, s) })
	t.Run("verdicts", func(t *testing.T) { testVerdicts(t, s) })
	if n := len(s.take(t, "accounts")); n != 0 {
		t.Errorf("%d messages were told after all", n)
	}
	t.Run("concurrent", func(t *testing.T) { testConcurrent(t, s) })
	t.Run("restart", func(t *testing.T) { testRestart(t, s) })
}

func testTold(t *testing.T, s *server) {
	for format, want := range map[string]amqp.Table{
		cloudevent.ModeStructured: nil,
		cloudevent.ModeBinary: {
			"cloudEvents_specversion": "1.0", "cloudEvents_id": "evt_1", "cloudEvents_source": "/sources/meta-main",
			"cloudEvents_type": "account.banned", "cloudEvents_subject": "account/100000000000001",
			"cloudEvents_time": "2025-10-23T08:23:27Z", "cloudEvents_dataschema": "urn:holdfast:event:account.banned",
			"cloudEvents_severity": "critical", "cloudEvents_provider": "meta",
		},
	} {
		o := s.options()
		o.Format = format
		m := brokertest.Message("evt_1")
		if v := brokertest.Send(t, told(t, o), m, 10*time.Second); v != nil {
			t.Fatal(v)
		}
		list := s.take(t, "accounts")
		if len(list) != 1 {
			t.Fatalf("%d messages", len(list))
		}
		got := list[0]
		if diff := cmp.Diff(want, got.Headers); diff != "" {
			t.Error(diff)
		}
		body, err := m.CloudEvent.JSON()
		contentType := cloudevent.ContentType
		if format == cloudevent.ModeBinary {
			contentType = "application/json"
			body, err = m.CloudEvent.DataJSON()
		}
		if err != nil || string(got.Body) != string(body) {
			t.Errorf("got %s, want %s", got.Body, body)
		}
		if got.ContentType != contentType || got.MessageId != "evt_1" || got.DeliveryMode != amqp.Persistent || got.AppId != "holdfast" ||
			got.Type != "account.banned" || !got.Timestamp.Equal(m.At) || got.RoutingKey != "account.banned" || got.Exchange != "events" {
			t.Errorf("got %+v", got)
		}
	}
}

func testVerdicts(t *testing.T, s *server) {
	with := func(change func(*Options)) *Options {
		o := s.options()
		change(o)
		return o
	}
	const closed = "127.0.0.1:1" // nobody is there
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })
	small := brokertest.Message("evt_1")
	for name, c := range map[string]struct {
		options *Options
		message sender.Message
		want    webhook.Verdict
	}{
		"closed": {
			with(func(o *Options) { o.URL = signature.Secret("amqp://a:b@" + closed) }), small,
			webhook.Verdict{Kind: webhook.Retry, Reason: "connection refused"},
		},
		"mute": {
			with(func(o *Options) { o.URL = signature.Secret("amqp://a:b@" + mute.Addr().String()) }), small,
			webhook.Verdict{Kind: webhook.Retry, Reason: "time-out after 200ms"},
		},
		"no TLS": {
			with(func(o *Options) { o.URL = signature.Secret("amqps://a:b@" + s.address) }), small,
			webhook.Verdict{Kind: webhook.Trouble, Reason: "no TLS where TLS is configured"},
		},
		"wrong password": {
			with(func(o *Options) { o.URL = signature.Secret(s.url("writer", "wrong", "")) }), small,
			webhook.Verdict{Kind: webhook.Trouble, Reason: "access refused"},
		},
		"no vhost": {
			with(func(o *Options) { o.URL = signature.Secret(s.url("writer", "secret", "other")) }), small,
			webhook.Verdict{Kind: webhook.Trouble, Reason: "not allowed"},
		},
		"closed vhost": {
			with(func(o *Options) { o.URL = signature.Secret(s.url("writer", "secret", "closed")) }), small,
			webhook.Verdict{Kind: webhook.Trouble, Reason: "not allowed"},
		},
		"reads only": {
			with(func(o *Options) { o.URL = signature.Secret(s.url("reader", "secret", "")) }), small,
			webhook.Verdict{Kind: webhook.Trouble, Reason: "access refused"},
		},
		"no exchange": {
			with(func(o *Options) { o.Exchange = "other" }), small,
			webhook.Verdict{Kind: webhook.Trouble, Reason: "unknown exchange"},
		},
		"no queue": {
			with(func(o *Options) { o.RoutingKey = "other.{type}" }), small,
			webhook.Verdict{Kind: webhook.Trouble, Reason: "no queue takes this routing key"},
		},
		"too large": {s.options(), brokertest.Large("large", 70_000), webhook.Verdict{Kind: webhook.Refused, Reason: "message too large"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := told(t, c.options)
			patience, attempts := 10*time.Second, 2 // the second attempt finds what the first left behind
			switch name {
			case "mute":
				patience = 200 * time.Millisecond
			case "wrong password": // the broker takes three seconds to say so
				attempts = 1
			}
			for range attempts {
				v := brokertest.Send(t, d, c.message, patience)
				if v == nil {
					t.Fatal("told")
				}
				if (v.Kind == webhook.Retry) != (v.Advice == "") {
					t.Errorf("%s with the advice %q", v.Kind, v.Advice)
				}
				v.Advice = ""
				if diff := cmp.Diff(&c.want, v); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	t.Run("full", func(t *testing.T) {
		t.Parallel()
		d := told(t, with(func(o *Options) { o.Exchange, o.RoutingKey = "", "full" }))
		if v := brokertest.Send(t, d, small, 5*time.Second); v != nil {
			t.Fatal(v)
		}
		if v := brokertest.Send(t, d, small, 5*time.Second); v == nil || v.Kind != webhook.Retry || v.Reason != "a queue did not take it" {
			t.Errorf("got %+v", v)
		}
		s.take(t, "full")
		if v := brokertest.Send(t, d, small, 5*time.Second); v != nil {
			t.Error(v)
		}
	})
}

// testConcurrent has many attempts under way at once, some of them refused, while the destination is closed again and again.
func testConcurrent(t *testing.T, s *server) {
	d := told(t, s.options())
	const senders, each = 8, 20
	var all sync.WaitGroup
	for n := range senders {
		all.Go(func() {
			for i := range each {
				if v := brokertest.Send(t, d, brokertest.Message(fmt.Sprintf("%d/%d", n, i)), 20*time.Second); v != nil {
					t.Error(v)
				}
				if i%10 == 0 {
					d.Close()
				}
			}
		})
	}
	all.Go(func() {
		for range each {
			if v := brokertest.Send(t, d, brokertest.Large("large", 70_000), 20*time.Second); v == nil || v.Kind != webhook.Refused {
				t.Errorf("got %+v", v)
			}
		}
	})
	all.Wait()
	once := make(map[string]bool)
	for _, m := range s.take(t, "accounts") {
		once[m.MessageId] = true
	}
	if len(once) != senders*each {
		t.Errorf("%d of %d events", len(once), senders*each)
	}
}

// testRestart has the broker be killed and start again: what it confirmed is there.
func testRestart(t *testing.T, s *server) {
	d := told(t, s.options())
	if v := brokertest.Send(t, d, brokertest.Message("before"), 10*time.Second); v != nil {
		t.Fatal(v)
	}
	s.Kill()
	for range 2 {
		if v := brokertest.Send(t, d, brokertest.Message("meanwhile"), 10*time.Second); v == nil || v.Kind != webhook.Retry {
			t.Fatalf("no broker any more: %+v", v)
		}
	}
	s.run(t)
	if v := brokertest.Send(t, d, brokertest.Message("after"), 10*time.Second); v != nil {
		t.Fatal(v)
	}
	var got []string
	for _, m := range s.take(t, "accounts") {
		got = append(got, m.MessageId)
	}
	if diff := cmp.Diff([]string{"before", "after"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for setting, change := range map[string]func(*Options){
		"":            func(*Options) {},
		"url":         func(o *Options) { o.URL = "http://a" },
		"exchange":    func(o *Options) { o.Exchange = "" },
		"routing_key": func(o *Options) { o.RoutingKey = "a.#" },
		"format":      func(o *Options) { o.Format = "avro" },
		"tls":         func(o *Options) { o.TLS.Enabled = true },
	} {
		o := &Options{URL: "amqp://a:b@c/d", Exchange: "events"}
		change(o)
		problems := Type().Check(o)
		if setting == "" && len(problems) > 0 || setting != "" && (len(problems) != 1 || problems[0].Setting != setting) {
			t.Errorf("%q: %v", setting, problems)
		}
	}
}
