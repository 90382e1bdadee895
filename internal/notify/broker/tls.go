package broker

import "holdfast/internal/notify/trust"

// TLS are the settings tls of a destination that is a broker.
type TLS struct {
	// Enabled turns it on. Default: on if anything else of tls is set, or if the address asks for it.
	Enabled bool `yaml:"enabled"`

	trust.TLS
}

// On reports whether anything asks for TLS.
func (t TLS) On() bool { return t != TLS{} }
