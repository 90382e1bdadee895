package temporal

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// A shelf is a storage of one payload, which counts who puts another there.
type shelf struct {
	payload *commonpb.Payload
	stored  int
}

func (*shelf) Name() string { return "shelf" }
func (*shelf) Type() string { return "shelf" }

func (s *shelf) Store(_ converter.StorageDriverStoreContext, p []*commonpb.Payload) ([]converter.StorageDriverClaim, error) {
	s.stored++
	return make([]converter.StorageDriverClaim, len(p)), nil
}

func (s *shelf) Retrieve(_ converter.StorageDriverRetrieveContext, claims []converter.StorageDriverClaim) ([]*commonpb.Payload, error) {
	var out []*commonpb.Payload
	for range claims {
		out = append(out, s.payload)
	}
	return out, nil
}

// The UI asks for what histories refer to. Nobody can fill the storage through its endpoint, nor the memory from it.
func TestCodecHandlerOfStored(t *testing.T) {
	codec, err := newZstdCodec(maxDecoded)
	if err != nil {
		t.Fatal(err)
	}
	plain := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: bytes.Repeat([]byte("x"), 6<<20)}
	packed, err := codec.Encode([]*commonpb.Payload{plain})
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{payload: packed[0]}
	reference, err := converter.NewProtoJSONPayloadConverter().ToPayload(&sdkpb.ExternalStorageReference{DriverName: "shelf"})
	if err != nil {
		t.Fatal(err)
	}
	h, err := CodecHandler(nil, converter.ExternalStorage{Drivers: []converter.StorageDriver{s}, PayloadSizeThreshold: 1})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string, payloads ...*commonpb.Payload) (int, []*commonpb.Payload) {
		t.Helper()
		body, err := protojson.Marshal(&commonpb.Payloads{Payloads: payloads})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", path, strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var out commonpb.Payloads
		if w.Code == 200 {
			if err := protojson.Unmarshal(w.Body.Bytes(), &out); err != nil {
				t.Fatal(err)
			}
		}
		return w.Code, out.Payloads
	}
	for _, path := range []string{"/download", "/decode"} {
		if code, got := ask(path, reference); code != 200 || !proto.Equal(got[0], plain) {
			t.Errorf("%s: %d", path, code)
		}
	}
	if code, got := ask("/decode?preserveStorageRefs=true", reference); code != 200 || !proto.Equal(got[0], reference) {
		t.Errorf("kept as reference: %d, %v", code, got)
	}
	if code, _ := ask("/encode", &commonpb.Payload{Data: []byte("small")}); code != 200 || s.stored != 0 {
		t.Errorf("encode: %d, stored %d", code, s.stored)
	}
	many := make([]*commonpb.Payload, 100)
	for i := range many {
		many[i] = reference
	}
	if code, _ := ask("/download", many...); code == 200 {
		t.Error("more than one answer may have was given")
	}
	s.payload = &commonpb.Payload{Data: make([]byte, maxAnswer/2)}
	if code, _ := ask("/download", many[:3]...); code == 200 {
		t.Error("more than may be retrieved was given")
	}
}

// What could not be read again is not made small, so that it is seen to be too large.
func TestTooLargeToDecodeStaysLarge(t *testing.T) {
	codec, err := newZstdCodec(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1<<20 - 100, 1<<20 + 1} {
		p := &commonpb.Payload{Data: make([]byte, size)}
		packed, err := codec.Encode([]*commonpb.Payload{p})
		if err != nil {
			t.Fatal(err)
		}
		if small := len(packed[0].GetData()) < 1<<20-100; small != (size < 1<<20) {
			t.Errorf("%d bytes became %d", size, len(packed[0].GetData()))
		}
		if _, err := codec.Decode(packed); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
