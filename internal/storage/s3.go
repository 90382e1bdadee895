package storage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"holdfast/internal/config"
)

// A bucket keeps objects in S3, or in what speaks its protocol.
type bucket struct {
	client minio.Core
	name   string
	prefix string // before every key; empty or with a slash at its end
}

// attempts is how often a request is made at most, if the server asks for patience.
const attempts = 3

func newBucket(c config.S3) (*bucket, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("read endpoint of the storage: %w", err)
	}
	// Without keys in the configuration they are found where others find them: AWS_* variables, ~/.aws/credentials, and
	// what the machine, the container or the pod may do.
	who := credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{Region: c.Region}})
	if c.AccessKey != "" {
		who = credentials.NewStaticV4(string(c.AccessKey), string(c.SecretKey), "")
	}
	lookup := minio.BucketLookupAuto
	if c.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.NewCore(u.Host, &minio.Options{
		Creds: who, Secure: u.Scheme == "https", Region: c.Region, BucketLookup: lookup, MaxRetries: attempts,
	})
	if err != nil {
		return nil, fmt.Errorf("make client of the storage: %w", err)
	}
	prefix := strings.Trim(c.Prefix, "/")
	if prefix != "" {
		prefix += "/"
	}
	return &bucket{*client, c.Bucket, prefix}, nil
}

func (*bucket) kind() string    { return "s3" }
func (b *bucket) where() string { return "bucket " + b.name + " of " + b.client.EndpointURL().Host }

func (b *bucket) put(ctx context.Context, key string, data []byte) error {
	_, err := b.client.Client.PutObject(ctx, b.name, b.prefix+key, bytes.NewReader(data), int64(len(data)),
		minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true})
	return err
}

func (b *bucket) get(ctx context.Context, key string, most int64) ([]byte, error) {
	body, info, _, err := b.client.GetObject(ctx, b.name, b.prefix+key, minio.GetObjectOptions{})
	if err != nil {
		if answer := minio.ToErrorResponse(err); answer.Code == minio.NoSuchKey || answer.StatusCode == http.StatusNotFound && answer.Code != minio.NoSuchBucket {
			return nil, ErrMissing
		}
		return nil, err
	}
	defer body.Close()
	if info.Size > most {
		return nil, errDamaged
	}
	data := make([]byte, info.Size)
	if _, err := io.ReadFull(body, data); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return data, nil
}

func (b *bucket) list(ctx context.Context, folder, after string) iter.Seq2[string, error] {
	options := minio.ListObjectsOptions{Prefix: b.prefix + folder + "/", Recursive: true}
	if after != "" {
		options.StartAfter = b.prefix + after[:strings.LastIndexByte(after, '/')+1] + "~" // the greatest character of a key
	}
	return func(yield func(string, error) bool) {
		for o := range b.client.ListObjectsIter(ctx, b.name, options) {
			if o.Err != nil {
				yield("", fmt.Errorf("list: %w", o.Err))
				return
			}
			if !yield(strings.TrimPrefix(o.Key, b.prefix), nil) {
				return
			}
		}
	}
}

func (b *bucket) remove(ctx context.Context, key string) error {
	return b.client.RemoveObject(ctx, b.name, b.prefix+key, minio.RemoveObjectOptions{})
}
