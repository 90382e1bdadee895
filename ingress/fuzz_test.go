package ingress

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"holdfast/internal/webhook"
)

// A said is a Starter that says one thing.
type said struct {
	err  error
	got  []byte
	call int
}

func (s *said) Start(_ context.Context, w webhook.Webhook, _ webhook.Peek) error {
	s.call++
	s.got = w.Body
	return s.err
}

// FuzzPost sends anything at all. Whatever comes in:
//
//   - 200 only if the Starter was called, with these very bytes, authentic ones, and said nil or webhook.ErrDuplicate;
//   - 5xx only if it said so.
func FuzzPost(f *testing.F) {
	says := []error{nil, webhook.ErrDuplicate, webhook.ErrTooLarge, errors.New("away")}
	f.Add("/webhooks/acme", sign(body), "application/json", "", []byte(body), int64(len(body)), byte(0))
	f.Add("/webhooks/acme", sign(body), "", "identity", []byte(body), int64(-1), byte(1))
	f.Add("/webhooks/acme", sign(""), "text/json; x", "", []byte{}, int64(0), byte(2))
	f.Add("/webhooks/acme", sign("\xff"), "text/json; x", "", []byte{0xff}, int64(-1), byte(3))
	f.Add("/webhooks/acme", "00", "text/plain", "gzip", []byte("x"), int64(1<<40), byte(0))
	f.Add("//webhooks/../acme%", sign("x"), "", "", []byte("x"), int64(0), byte(0))
	f.Fuzz(func(t *testing.T, path, signed, contentType, encoding string, body []byte, length int64, pick byte) {
		starter := &said{err: says[int(pick)%len(says)]}
		in, err := New(Config{Sources: sources(), Starter: starter})
		if err != nil {
			t.Fatal(err)
		}
		r := &http.Request{
			Method: "POST", URL: &url.URL{Path: path}, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)),
			ContentLength: max(length, -1), RemoteAddr: "192.0.2.1:1234",
		}
		for name, value := range map[string]string{signature: signed, "Content-Type": contentType, "Content-Encoding": encoding} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		reply := httptest.NewRecorder()
		in.Handler().ServeHTTP(reply, r)

		raw, _ := hex.DecodeString(signed)
		authentic := bytes.Equal(raw, sum(secret, body))
		if starter.call > 1 || starter.call == 1 && (!authentic || !bytes.Equal(starter.got, body)) {
			t.Errorf("started %d times, authentic: %v, %d of %d bytes", starter.call, authentic, len(starter.got), len(body))
		}
		durable := starter.call == 1 && (starter.err == nil || errors.Is(starter.err, webhook.ErrDuplicate))
		if (reply.Code == 200) != durable {
			t.Errorf("answered %d, durable: %v", reply.Code, durable)
		}
		if reply.Code >= 500 && (starter.call == 0 || starter.err == nil) {
			t.Errorf("answered %d by itself", reply.Code)
		}
		if in.held.used.Load() != 0 {
			t.Error("still in flight")
		}
	})
}

// BenchmarkPost is an authentic webhook of 1 KB, verified by HMAC and accepted by a Starter that does nothing.
func BenchmarkPost(b *testing.B) {
	in, err := New(Config{Sources: sources(), Starter: &said{}})
	if err != nil {
		b.Fatal(err)
	}
	handler := in.Handler()
	body := bytes.Repeat([]byte("x"), 1024)
	header := http.Header{
		"Content-Type": {"application/json"}, signature: {hex.EncodeToString(sum(secret, body))},
	}
	target := &url.URL{Path: "/webhooks/acme"}
	b.ReportAllocs()
	for b.Loop() {
		reply := httptest.NewRecorder()
		handler.ServeHTTP(reply, &http.Request{
			Method: "POST", URL: target, Header: header, Body: io.NopCloser(bytes.NewReader(body)),
			ContentLength: int64(len(body)), RemoteAddr: "192.0.2.1:1234",
		})
		if reply.Code != http.StatusOK {
			b.Fatal(reply.Code)
		}
	}
}
