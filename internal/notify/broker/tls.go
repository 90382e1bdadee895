package broker

import (
	"crypto/tls"
	"crypto/x509"

	"holdfast/internal/notify/sender"
	"holdfast/internal/signature"
)

// TLS are the settings tls of a destination that is a broker. At least TLS 1.2 is spoken, and certificates are always checked.
type TLS struct {
	// Enabled turns it on. Default: on if anything else of tls is set, or if the address asks for it.
	Enabled bool `yaml:"enabled"`

	// CA are the certificates, in PEM, of the authorities that may have signed the broker's, such as ${file:/run/secrets/ca.pem}.
	// Default: those that the system trusts.
	CA string `yaml:"ca"`

	// Certificate and Key prove who we are, in PEM. Both or neither.
	Certificate string           `yaml:"certificate"`
	Key         signature.Secret `yaml:"key"`

	// ServerName is the name that the broker's certificate must have. Default: the host of its address.
	ServerName string `yaml:"server_name"`
}

// On reports whether anything asks for TLS.
func (t TLS) On() bool { return t != TLS{} }

// Check says what is wrong with the settings.
func (t TLS) Check() []sender.Problem {
	var list []sender.Problem
	if t.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(t.CA)) {
		list = append(list, sender.Problem{Setting: "tls.ca", Text: "holds no certificate in PEM"})
	}
	if t.Certificate == "" && t.Key == "" {
		return list
	}
	if t.Certificate == "" || t.Key == "" {
		return append(list, sender.Problem{Setting: "tls.certificate", Text: "want certificate and key, or neither"})
	}
	if _, err := tls.X509KeyPair([]byte(t.Certificate), []byte(t.Key)); err != nil {
		list = append(list, sender.Problem{Setting: "tls.certificate", Text: "certificate and key are no pair in PEM"})
	}
	return list
}

// Config is what Check finds nothing wrong with, for a client. Each call makes a new one.
func (t TLS) Config() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AppendCertsFromPEM([]byte(t.CA))
	}
	if t.Certificate != "" {
		if pair, err := tls.X509KeyPair([]byte(t.Certificate), []byte(t.Key)); err == nil {
			c.Certificates = []tls.Certificate{pair}
		}
	}
	return c
}
