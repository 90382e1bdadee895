package broker

import (
	"holdfast/internal/notify/verdict"
	"holdfast/internal/webhook"
)

// Unreached is what it means that there is no connection to a broker, or no more, by an error of the network or of TLS; nil if the
// error is of another kind.
func Unreached(err error) *webhook.Verdict {
	v := verdict.OfError(err)
	if v != nil && v.Kind == webhook.Trouble {
		v.Advice = "Compare the broker's certificate and address with the settings tls of the destination."
	}
	return v
}
