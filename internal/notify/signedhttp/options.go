package signedhttp

import (
	"cmp"

	"holdfast/internal/cloudevent"
	"holdfast/internal/notify/trust"
	"holdfast/internal/signature"
)

// Options are the settings of a destination of type http.
type Options struct {
	// URL takes the events by POST: absolute, http or https, without user and password. Required. It is never shown,
	// because its path or query may hold a token.
	URL signature.Secret `yaml:"url"`

	// Secret signs what is sent, as Standard Webhooks prescribes. Its beginning says how: whsec_ and the base64 of 24 to 64
	// random bytes (v1: the receiver has the same secret), or whsk_ and the base64 of the 32 bytes of an ed25519 key (v1a: the
	// receiver has only the public key, whpk_…, which is no secret). Either it or secrets is required. Each destination
	// should have its own, or one could pass off its events to another as ours.
	Secret signature.Secret `yaml:"secret"`

	// Secrets are several instead, of one kind or both, for rotation: each event carries a signature by each, and a receiver
	// accepts the one it knows. At most 4.
	Secrets []signature.Secret `yaml:"secrets"`

	// Format is how events are written: structured, the whole CloudEvent as JSON (the default); binary, its data as the body
	// and the rest in headers named ce-…, which no signature covers: where the connection is not encrypted, whoever is in
	// between can change them; or batch, several events as one JSON array.
	Format string `yaml:"format"`

	// Batch is how many events may be in one request, with format batch. They arrive together or not at all. Its webhook-id
	// is made of the ids of its events. Default 100; 2 to 1000.
	Batch int `yaml:"batch"`

	// Headers go with every request, such as {Authorization: "Bearer ${TOKEN}"}. Their values are never shown. What we set
	// ourselves, or what belongs to the connection, cannot be set.
	Headers map[string]signature.Secret `yaml:"headers"`

	// TLS says whom to trust, also as a proxy by https, and who we are.
	TLS trust.TLS `yaml:"tls"`

	// Proxy is the URL of the proxy to go through: http, https or socks5, with user and password if it wants them; or none.
	// Default: what HTTP_PROXY, HTTPS_PROXY and NO_PROXY in the environment say. It may be at a private address. Names are
	// resolved by it, so that only it can refuse those that lead to one.
	Proxy signature.Secret `yaml:"proxy"`

	// Private allows the destination to be at an address that is not of the public internet: on this machine, in a network of
	// your own, a cloud's metadata service. Default false: then no connection is made to such an address, whatever name leads
	// there.
	Private bool `yaml:"private"`

	// Handshake asks for consent before the first event.
	Handshake Handshake `yaml:"handshake"`
}

// Handshake is how CloudEvents protects from abuse (HTTP 1.1 Web Hooks for Event Delivery 1.0.2, section 4): before any event is
// sent, an OPTIONS request asks the receiver, who agrees in the header WebHook-Allowed-Origin, whatever the status. Each
// process asks once in 6 hours, and again when something has failed. An agreement by callback is not understood.
type Handshake struct {
	// Origin is the DNS name that we are known by, such as hooks.example.com. Default: there is no handshake.
	Origin string `yaml:"origin"`

	// Rate is how many requests a minute we ask for. Default: any. What the receiver allows in WebHook-Allowed-Rate is kept to
	// by each process for itself, and what exceeds it is put off: where there are several processes, or less is allowed than
	// there is to tell, the destination's rate should say so.
	Rate int `yaml:"rate"`
}

const defaultBatch = 100

// noProxy is the value of [Options.Proxy] that says there is none, whatever the environment says.
const noProxy = "none"

// PublicKeys lists what a receiver needs to check signatures of scheme v1a, "whpk_…": one for each secret that is a private key,
// in their order. They are no secrets.
func (o *Options) PublicKeys() []string {
	var list []string
	for _, s := range o.secrets() {
		if key, err := signature.ParseStandardKey(s); err == nil && key.Public() != "" {
			list = append(list, key.Public())
		}
	}
	return list
}

func (o *Options) secrets() []signature.Secret {
	if o.Secret != "" {
		return []signature.Secret{o.Secret}
	}
	return o.Secrets
}

func (o *Options) format() string { return cmp.Or(o.Format, cloudevent.ModeStructured) }
