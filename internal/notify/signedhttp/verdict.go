package signedhttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"holdfast/internal/notify/verdict"
	"holdfast/internal/webhook"
)

// answered is what an answer means; nil means told.
func answered(status int, h http.Header, now time.Time) *webhook.Verdict {
	v := verdict.OfStatus(status, verdict.RetryAfter(h.Get("Retry-After"), now))
	switch {
	case v == nil:
	case v.Kind == webhook.Gone:
		v.Advice = "It says that it is no more: mend its url, or ask who runs it, then resume it."
	case status >= 300 && status < 400:
		v.Advice = "Set its url to where it redirects to, if that is meant: redirects are not followed."
	case v.Kind == webhook.Trouble:
		v.Advice = advice(status)
	}
	return v
}

// advice is for statuses that say that the configuration is wrong, here or there.
func advice(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "It does not accept our credentials: mend secret, headers or tls, here or there."
	case http.StatusNotFound:
		return "Mend its url: nothing is there."
	case http.StatusMethodNotAllowed:
		return "Mend its url: what is there takes no POST."
	case http.StatusProxyAuthRequired:
		return proxyCredentials
	case http.StatusUnsupportedMediaType:
		return "It does not know this format: set format to structured, binary or batch, as it understands."
	case http.StatusMisdirectedRequest:
		return "Mend its url, or tls.server_name: the server is not for this host."
	}
	return "Ask who runs it what this status means there."
}

const proxyCredentials = "Put the user and the password that the proxy wants into proxy."

// failed is what it means that no answer came to an attempt that began with the clock.
func failed(ctx context.Context, err error, clock verdict.Clock) *webhook.Verdict {
	if v := clock.Ended(ctx, err); v != nil {
		return v
	}
	if errors.Is(err, errPrivate) {
		return &webhook.Verdict{Kind: webhook.Trouble, Reason: errPrivate.Error(), Advice: "Set private: true if it is meant."}
	}
	if refusal, ok := errors.AsType[proxyRefusal](err); ok {
		return refusal.verdict()
	}
	if verdict.Within(err, "socks connect") != nil { // so net/http marks what happened at a proxy of this kind
		return &webhook.Verdict{
			Kind: webhook.Retry, Reason: "proxy: no connection through it",
			Advice: "Look after the proxy, and the credentials in its URL, if it stays so.",
		}
	}
	v := verdict.OfError(err)
	if v == nil {
		v = &webhook.Verdict{Kind: webhook.Retry, Reason: verdict.Unreadable}
	}
	v.Advice = unreachedAdvice(v.Reason)
	if verdict.Within(err, "proxyconnect") != nil { // so it marks what happened on the way to the others
		v.Reason, v.Advice = "proxy: "+v.Reason, "Look after the proxy: the destination was not reached."
	}
	return v
}

// unreachedAdvice is for reasons that the configuration may have, here or there.
func unreachedAdvice(reason string) string {
	switch reason {
	case verdict.UnknownAuthority:
		return "If the authority is one of your own, set tls.ca to its certificate; if not, somebody may be in between."
	case verdict.OtherHost:
		return "Mend its url, or set tls.server_name to the name that its certificate is for."
	case verdict.Expired:
		return "Who runs it has to renew its certificate; or the clock is wrong here."
	case verdict.Invalid:
		return "Who runs it has to mend its certificate."
	case verdict.NoTLS:
		return "Mend its url: the port, or http for https."
	case verdict.RefusedTLS:
		return "It may want a client certificate that it knows (tls.cert and tls.key), or another version of TLS."
	case verdict.NoHost:
		return "Mend the host in its url, if it stays so."
	}
	return ""
}

func (r proxyRefusal) verdict() *webhook.Verdict {
	v := &webhook.Verdict{Kind: webhook.Retry, Reason: fmt.Sprintf("proxy: status %d", int(r))}
	switch r {
	case http.StatusProxyAuthRequired, http.StatusUnauthorized:
		v.Kind, v.Advice = webhook.Trouble, proxyCredentials
	case http.StatusForbidden, http.StatusMethodNotAllowed:
		v.Kind, v.Advice = webhook.Trouble, "The proxy does not allow this destination: change that, or proxy."
	}
	return v
}
