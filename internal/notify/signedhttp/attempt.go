package signedhttp

import (
	"context"
	"io"
	"net/http"
	"time"

	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/verdict"
	"holdfast/internal/webhook"
)

// Answers are not read: a connection can be used again only after the end of one, so a little is passed over for a
// little while, and of what is longer or slower the connection is closed.
const (
	maxAnswer    = 4 << 10
	answerWithin = time.Second
)

// attempt sends a letter once, whose first message is m. Nil means told.
func (d *destination) attempt(ctx context.Context, l letter, m sender.Message) *webhook.Verdict {
	if d.consent != nil {
		if v := d.consent.ask(ctx, d); v != nil {
			return v
		}
	}
	status, header, v := d.exchange(d.request(ctx, l, m.At))
	if v == nil {
		m.Answer(status)
		v = answered(status, header, time.Now())
	}
	if d.consent != nil {
		d.consent.saw(v)
	}
	return v
}

// exchange sends a request and returns what the answer begins with; the verdict says why there was none.
func (d *destination) exchange(r *http.Request) (status int, header http.Header, failure *webhook.Verdict) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	clock := verdict.Start(ctx)
	// The transport is used without an http.Client: that would follow redirects and put the URL into its errors.
	response, err := d.transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return 0, nil, failed(ctx, err, clock)
	}
	discard(response, cancel)
	return response.StatusCode, response.Header, nil
}

// discard is done with an answer. The status has said all, so how this ends does not matter.
func discard(response *http.Response, cancel context.CancelFunc) {
	defer response.Body.Close()
	if response.StatusCode == http.StatusSwitchingProtocols {
		return // what follows is no answer, and would not end with the context
	}
	impatience := time.AfterFunc(answerWithin, cancel)
	defer impatience.Stop()
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
}
