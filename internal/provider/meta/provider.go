// Package meta speaks the webhooks of Meta's WhatsApp Business Platform. Resellers that relay Meta's shapes use its
// [Change].
package meta

import (
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"holdfast/internal/optout"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// Samples are webhooks in Meta's shapes, composed from its reference with invented ids: samples/*.json.
//
//go:embed samples
var Samples embed.FS

// Options are the settings of a source whose webhooks come from Meta itself.
type Options struct {
	// AppSecrets are the secrets of the apps that are subscribed (App Dashboard, Basic settings). A webhook is signed by
	// one of them. To rotate, name the old and the new.
	AppSecrets []signature.Secret `yaml:"app_secrets"`
	// VerifyToken is the text entered beside the callback URL in the App Dashboard. Without one the endpoint cannot be
	// entered there.
	VerifyToken signature.Secret `yaml:"verify_token"`
	// OptOut are the words by which people stop marketing messages.
	OptOut optout.Options `yaml:"opt_out"`
}

// A Provider speaks Meta's dialect with the secrets of one source. It is made by [New].
type Provider struct {
	options Options
	words   optout.Words
}

// String is the dialect only, and so is GoString: what prints a struct sees through the types of secrets in it.
func (p *Provider) String() string   { return "meta" }
func (p *Provider) GoString() string { return p.String() }

// New makes a provider. Without any app secret it is an error, unless insecure says that whoever knows the URL may
// send. With secrets configured, insecure changes nothing.
func New(options Options, insecure bool) (*Provider, error) {
	for i, secret := range options.AppSecrets {
		if secret == "" {
			return nil, fmt.Errorf("app_secrets[%d] is empty", i)
		}
	}
	if len(options.AppSecrets) == 0 && !insecure {
		return nil, errors.New("app_secrets is empty")
	}
	words, err := optout.New(options.OptOut)
	if err != nil {
		return nil, err
	}
	return &Provider{options, words}, nil
}

const (
	signatureHeader = "X-Hub-Signature-256"
	signatureKept   = "x-hub-signature-256"
)

// Evidence wants exactly one X-Hub-Signature-256 of the right form. The older X-Hub-Signature (SHA-1) proves nothing.
func (p *Provider) Evidence(h http.Header) (webhook.Evidence, error) {
	var refusal error
	values := h.Values(signatureHeader)
	switch {
	case len(values) == 0, len(values) == 1 && values[0] == "":
		refusal = webhook.MissingEvidence
	case len(values) > 1, !signature.HMACForm(values[0]):
		refusal = webhook.MalformedEvidence
	default:
		return webhook.Evidence{Headers: map[string]string{signatureKept: values[0]}}, nil
	}
	if len(p.options.AppSecrets) == 0 { // insecure
		return webhook.Evidence{}, nil
	}
	return webhook.Evidence{}, refusal
}

// Verify checks the signature over the very bytes. A replay verifies too: Meta signs no time.
func (p *Provider) Verify(ev webhook.Evidence, body []byte, _ time.Time) error {
	if len(p.options.AppSecrets) == 0 { // insecure
		return nil
	}
	kept := ev.Headers[signatureKept]
	switch {
	case kept == "":
		return webhook.MissingEvidence
	case !signature.HMACForm(kept):
		return webhook.MalformedEvidence
	case !signature.VerifyHMAC(kept, body, p.options.AppSecrets):
		return webhook.SignatureMismatch
	}
	return nil
}

// Answer is anything: Meta reads the status only.
func (p *Provider) Answer() (contentType, body string) { return "text/plain; charset=utf-8", "ok" }

// Handshake answers Meta's verification request: the challenge as it came, if the token is ours (Meta: Create a webhook
// endpoint, Verification requests).
func (p *Provider) Handshake(query url.Values) (answer string, ok bool) {
	mode, token, challenge := query["hub.mode"], query["hub.verify_token"], query["hub.challenge"]
	if len(mode) != 1 || len(token) != 1 || len(challenge) != 1 {
		return "", false
	}
	if mode[0] != "subscribe" || !echoable(challenge[0]) || p.options.VerifyToken == "" {
		return "", false
	}
	// Digests are of one length, so the comparison does not tell how long our token is.
	got, want := sha256.Sum256([]byte(token[0])), sha256.Sum256([]byte(p.options.VerifyToken))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return "", false
	}
	return challenge[0], true
}

// echoable bounds what we send back: a challenge is opaque, a number in Meta's examples.
func echoable(challenge string) bool {
	for i := range len(challenge) {
		if challenge[i] <= ' ' || challenge[i] > '~' {
			return false
		}
	}
	return len(challenge) > 0 && len(challenge) <= 256
}

// Sign returns the header that Meta would send with the body; none if there is no secret to sign with.
func (p *Provider) Sign(body []byte, _ time.Time) http.Header {
	h := http.Header{}
	if len(p.options.AppSecrets) > 0 {
		h.Set(signatureHeader, signature.HMAC(p.options.AppSecrets[0], body))
	}
	return h
}

// Advise says where the App Dashboard shows what a signature depends on.
func (p *Provider) Advise(refusal webhook.Refusal) string {
	switch refusal {
	case webhook.MissingEvidence:
		return "Meta signs every webhook: what has no X-Hub-Signature-256 comes from somebody else, or lost it on the way."
	case webhook.SignatureMismatch:
		return "The secret is the app secret of the app that is subscribed (App Dashboard, App settings, Basic), neither the verify token nor an access token. " +
			"Several apps have several: each signs with its own."
	default:
		return ""
	}
}
