package load

import (
	"fmt"
	"strings"

	"holdfast/internal/provider"
	"holdfast/internal/provider/meta"
	"holdfast/internal/provider/nxtele"
	"holdfast/internal/signature"
)

// NewSigner makes the signer of a dialect. The secret is Meta's app secret, or nxtele's access key and secret with a
// colon between. The error says nothing of it.
func NewSigner(dialect string, secret signature.Secret) (provider.Signer, error) {
	switch dialect {
	case "meta":
		return meta.New(meta.Options{AppSecrets: []signature.Secret{secret}}, false)
	case "nxtele":
		key, text, ok := strings.Cut(string(secret), ":")
		if !ok {
			return nil, fmt.Errorf("the secret of nxtele is an access key, a colon, and its secret")
		}
		return nxtele.New(nxtele.Options{AccessKeys: map[string]signature.Secret{key: signature.Secret(text)}}, false)
	}
	return nil, fmt.Errorf("dialect %q is none of %v", dialect, Dialects())
}
