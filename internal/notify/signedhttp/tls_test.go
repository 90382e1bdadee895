package signedhttp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"holdfast/internal/notify/trust"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

func pemOf(kind string, der []byte) signature.Secret {
	return signature.Secret(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// An authority makes certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	a.cert, a.key = a.make(&x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

func (a *authority) make(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.NotBefore = time.Now().Add(-time.Hour)
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	issuer, signer := a.cert, a.key
	if issuer == nil {
		issuer, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return made, key
}

func (a *authority) pem() signature.Secret { return pemOf("CERTIFICATE", a.cert.Raw) }

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// server is the certificate of one, for a name or an address.
func (a *authority) server(host string, until time.Time) tls.Certificate {
	c := &x509.Certificate{NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(host); ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{host}
	}
	made, key := a.make(c)
	return tls.Certificate{Certificate: [][]byte{made.Raw}, PrivateKey: key}
}

// client is a certificate of ours, and its key.
func (a *authority) client() (cert, key signature.Secret) {
	a.t.Helper()
	made, private := a.make(&x509.Certificate{Subject: pkix.Name{CommonName: "holdfast"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}
	return pemOf("CERTIFICATE", made.Raw), pemOf("PRIVATE KEY", der)
}

// receiveTLS starts a destination with TLS.
func receiveTLS(t *testing.T, config *tls.Config) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewUnstartedServer(r.handler(t, nil))
	r.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.TLS = config
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

func TestAuthorities(t *testing.T) {
	ours, others := newAuthority(t), newAuthority(t)
	at := func(host string, until time.Time) string {
		return receiveTLS(t, &tls.Config{Certificates: []tls.Certificate{ours.server(host, until)}}).URL
	}
	here, named, expired := at("127.0.0.1", time.Time{}), at("hooks.example.com", time.Time{}), at("127.0.0.1", time.Now().Add(-time.Minute))
	trouble := func(reason string) *webhook.Verdict {
		return &webhook.Verdict{Kind: webhook.Trouble, Reason: reason, Advice: advised}
	}
	for name, c := range map[string]struct {
		url  string
		tls  trust.TLS
		want *webhook.Verdict
	}{
		"ours":         {here, trust.TLS{CA: ours.pem()}, nil},
		"among others": {here, trust.TLS{CA: others.pem() + ours.pem()}, nil},
		"another":      {here, trust.TLS{CA: others.pem()}, trouble("certificate of an unknown authority")},
		"system":       {here, trust.TLS{}, trouble("certificate of an unknown authority")},
		"another name": {named, trust.TLS{CA: ours.pem()}, trouble("certificate for another host")},
		"named":        {named, trust.TLS{CA: ours.pem(), ServerName: "hooks.example.com"}, nil},
		"expired":      {expired, trust.TLS{CA: ours.pem()}, trouble("certificate expired or not yet valid")},
	} {
		o := to(c.url)
		o.TLS = c.tls
		d := opened(t, o)
		if c.want == nil {
			told(t, d)
		} else {
			t.Run(name, func(t *testing.T) { judged(t, d, *c.want) })
		}
	}
}

// TestClientCertificate has a receiver that wants one, in both versions of TLS: in the newer it is refused after the
// handshake.
func TestClientCertificate(t *testing.T) {
	ours, others := newAuthority(t), newAuthority(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			r := receiveTLS(t, &tls.Config{
				Certificates: []tls.Certificate{ours.server("127.0.0.1", time.Time{})}, MaxVersion: version,
				ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ours.pool(),
			})
			o := to(r.URL)
			o.TLS.CA = ours.pem()
			refused := webhook.Verdict{Kind: webhook.Trouble, Reason: "TLS handshake refused", Advice: advised}
			judged(t, opened(t, o), refused)
			o.TLS.Cert, o.TLS.Key = others.client()
			judged(t, opened(t, o), refused)
			o.TLS.Cert, o.TLS.Key = ours.client()
			told(t, opened(t, o))
			if got := r.got(); len(got) != 1 || got[0].TLS.PeerCertificates[0].Subject.CommonName != "holdfast" {
				t.Errorf("%d requests", len(got))
			}
		})
	}
}
