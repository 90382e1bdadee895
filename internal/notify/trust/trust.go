// Package trust has the settings tls that destinations of all types have in common: whom to trust, and who we are.
package trust

import (
	"crypto/tls"
	"crypto/x509"
	"strings"

	"holdfast/internal/notify/sender"
	"holdfast/internal/signature"
)

// TLS are the settings tls of a destination, for where TLS with the system's authorities is not enough. Certificates and keys are in
// PEM, such as ${file:/run/secrets/ca.pem}. At least TLS 1.2 is spoken, and certificates are always checked.
type TLS struct {
	// CA is the certificates of the authorities to trust instead of those of the system.
	CA signature.Secret `yaml:"ca"`

	// Cert and Key are ours, for those who ask for a client certificate: the certificate, with those between it and its authority,
	// and its private key. Both or neither.
	Cert signature.Secret `yaml:"cert"`
	Key  signature.Secret `yaml:"key"`

	// ServerName is what the certificate of the other side has to be for. Default: the host of its address.
	ServerName string `yaml:"server_name"`
}

// Check says what is wrong with the settings.
func (t TLS) Check() []sender.Problem {
	var list []sender.Problem
	problem := func(setting, text string) { list = append(list, sender.Problem{Setting: setting, Text: text}) }
	if t.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(t.CA)) {
		problem("tls.ca", "holds no certificate in PEM")
	}
	if (t.Cert == "") != (t.Key == "") {
		problem("tls.cert", "want cert and key, or neither")
	} else if t.Cert != "" {
		if _, err := t.pair(); err != nil { // it may quote them
			problem("tls.cert", "want a certificate and, in key, its private key, both in PEM")
		}
	}
	if t.ServerName != "" && !IsHost(t.ServerName) {
		problem("tls.server_name", "want a DNS name such as mail.example.com")
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
	if pair, err := t.pair(); err == nil {
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}

func (t TLS) pair() (tls.Certificate, error) { return tls.X509KeyPair([]byte(t.Cert), []byte(t.Key)) }

// IsHost reports whether a text can be the name of a host in DNS, or an address of IPv4.
func IsHost(text string) bool {
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > 63 || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return len(text) <= 253
}
