package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/signature"
)

// own makes a certificate and its key.
func own(t *testing.T) (cert, key signature.Secret) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	made, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) signature.Secret {
		return signature.Secret(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return text("CERTIFICATE", made), text("PRIVATE KEY", der)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key := own(t)
	_, another := own(t)
	for name, c := range map[string]struct {
		tls  TLS
		want []string
	}{
		"nothing":      {TLS{}, nil},
		"all":          {TLS{CA: cert, Cert: cert, Key: key, ServerName: "mail.example.com"}, nil},
		"a file name":  {TLS{CA: "/etc/ca.pem"}, []string{"tls.ca"}},
		"no key":       {TLS{Cert: cert}, []string{"tls.cert"}},
		"no cert":      {TLS{Key: key}, []string{"tls.cert"}},
		"no pair":      {TLS{Cert: cert, Key: another}, []string{"tls.cert"}},
		"no host":      {TLS{ServerName: "https://mail.example.com"}, []string{"tls.server_name"}},
		"all is wrong": {TLS{CA: "x", Cert: "y", Key: "z", ServerName: " "}, []string{"tls.ca", "tls.cert", "tls.server_name"}},
	} {
		var got []string
		for _, p := range c.tls.Check() {
			got = append(got, p.Setting)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		config := c.tls.Config()
		if fine := c.want == nil; fine && (len(config.Certificates) == 1) != (c.tls.Cert != "") || fine && (config.RootCAs != nil) != (c.tls.CA != "") {
			t.Errorf("%s: got %d certificates, authorities: %v", name, len(config.Certificates), config.RootCAs)
		}
	}
}
