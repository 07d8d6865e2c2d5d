package temporalrun

import (
	"errors"
	"fmt"

	"github.com/exportpipeline/exportpipeline/internal/seal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// Sealed returns a codec that encrypts with AES-256-GCM, for [Options].Codec and for clients.
// The first key seals, and the older ones still open.
func Sealed(key pipeline.SealKey, older ...pipeline.SealKey) (converter.PayloadCodec, error) {
	keys := make([]seal.Key, len(older))
	for i, k := range older {
		keys[i] = seal.Key(k)
	}
	box, err := seal.New(seal.Key(key), keys...)
	if err != nil {
		return nil, fmt.Errorf("temporal: sealing: %w", err)
	}
	return sealing{box}, nil
}

type sealing struct{ box *seal.Box }

// What a payload that was sealed says of itself, and where it belongs.
const (
	encodingKey  = "encoding"
	sealEncoding = "binary/exportpipeline-sealed"
	sealPlace    = "temporal payload"
)

// Encode implements [converter.PayloadCodec].
func (s sealing) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	sealed := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		data, err := proto.Marshal(p)
		if err != nil {
			return payloads, err
		}
		sealed[i] = &commonpb.Payload{Metadata: map[string][]byte{encodingKey: []byte(sealEncoding)}, Data: s.box.Seal(data, sealPlace)}
	}
	return sealed, nil
}

// Decode implements [converter.PayloadCodec]. What was not sealed stays as it is.
func (s sealing) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	opened := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if string(p.GetMetadata()[encodingKey]) != sealEncoding {
			opened[i] = p
			continue
		}
		data, err := s.box.Open(p.GetData(), sealPlace)
		if err != nil {
			return payloads, err
		}
		opened[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(data, opened[i]); err != nil {
			return payloads, err
		}
	}
	return opened, nil
}

// seal encrypts by the program's codec.
func (e *Engine) seal(data []byte) ([]byte, error) {
	plain := &commonpb.Payload{Metadata: map[string][]byte{encodingKey: []byte(converter.MetadataEncodingBinary)}, Data: data}
	encoded, err := e.o.Codec.Encode([]*commonpb.Payload{plain})
	if err == nil && len(encoded) != 1 {
		err = fmt.Errorf("it makes %d payloads of one", len(encoded))
	}
	if err != nil {
		return nil, fmt.Errorf("encrypting the secrets of a hook call by Options.Codec: %w", err)
	}
	return proto.Marshal(encoded[0])
}

// open decrypts what seal encrypted.
func (e *Engine) open(sealed []byte) ([]byte, error) {
	if e.o.Codec == nil {
		return nil, errors.New("a workflow carries secrets that were encrypted, and this worker has no Options.Codec")
	}
	encoded := &commonpb.Payload{}
	if err := proto.Unmarshal(sealed, encoded); err != nil {
		return nil, fmt.Errorf("decrypting the secrets of a hook call: %w", err)
	}
	decoded, err := e.o.Codec.Decode([]*commonpb.Payload{encoded})
	if err == nil && len(decoded) != 1 {
		err = fmt.Errorf("it makes %d payloads of one", len(decoded))
	}
	if err != nil {
		return nil, fmt.Errorf("decrypting the secrets of a hook call by Options.Codec: %w", err)
	}
	return decoded[0].GetData(), nil
}
