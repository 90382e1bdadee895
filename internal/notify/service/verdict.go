package service

import (
	"context"
	"strings"

	"holdfast/internal/notify/verdict"
	"holdfast/internal/webhook"
)

// Verdict is what an answer means by its status, wherever it is from; nil means told. The words are those of the service that
// may be in the answer: the first that is, is part of the reason.
func (a Answer) Verdict(words ...string) *webhook.Verdict {
	v := verdict.OfStatus(a.Status, a.RetryAfter)
	if v == nil {
		return nil
	}
	switch {
	case a.Status >= 300 && a.Status < 400:
		v.Advice = "Set its url to where it redirects to, if that is meant."
	case v.Kind == webhook.Trouble:
		v.Advice = "Mend its url: what is there does not take messages from us."
	}
	if word := a.word(words); word != "" {
		v.Reason += ", " + word
	}
	return v
}

func (a Answer) word(words []string) string {
	for _, word := range words {
		if strings.Contains(a.Text, word) {
			return word
		}
	}
	return ""
}

// Says reports whether the answer has a word.
func (a Answer) Says(words ...string) bool { return a.word(words) != "" }

// Failed is what it means that a service did not answer an attempt that began with the clock: it could not be reached or trusted,
// or said nothing in time.
func Failed(ctx context.Context, err error, clock verdict.Clock) *webhook.Verdict {
	if v := clock.Ended(ctx, err); v != nil {
		return v
	}
	v := verdict.OfError(err)
	if v == nil {
		return &webhook.Verdict{Kind: webhook.Retry, Reason: verdict.Unreadable}
	}
	if v.Kind == webhook.Trouble {
		v.Advice = "Mend the address of the service, or have whoever runs it mend its TLS; if it is as ever, somebody may be in between."
	}
	return v
}
