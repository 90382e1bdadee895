package condition

import (
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// An adapter makes values of what JSON holds: as CEL does, except that an object may be asked for what it does not have.
type adapter struct{}

func (adapter) NativeToValue(v any) ref.Val {
	switch v := v.(type) {
	case map[string]any:
		return members{v, absent{}}
	case []any:
		return types.NewDynamicList(adapter{}, v)
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

// members is a JSON object. It is no [traits.Mapper], for CEL knows what becomes of those that lack a member: it fails.
type members struct {
	values  map[string]any
	missing ref.Val // stands for what is not there: nothing, or an empty label
}

// plain is the same as CEL has it.
func (m members) plain() traits.Mapper {
	return types.NewDynamicMap(adapter{}, m.values)
}

func (m members) Get(index ref.Val) ref.Val {
	key, ok := index.(types.String)
	if !ok {
		return m.missing
	}
	if v, ok := m.values[string(key)]; ok {
		return adapter{}.NativeToValue(v)
	}
	return m.missing
}

func (m members) IsSet(field ref.Val) ref.Val {
	key, _ := field.(types.String)
	_, ok := m.values[string(key)]
	return types.Bool(ok)
}

func (m members) Contains(key ref.Val) ref.Val { return m.IsSet(key) }
func (m members) Size() ref.Val                { return types.Int(len(m.values)) }
func (m members) Iterator() traits.Iterator    { return m.plain().Iterator() }
func (m members) Type() ref.Type               { return types.MapType }
func (m members) Value() any                   { return m.values }

func (m members) Equal(other ref.Val) ref.Val {
	if o, ok := other.(members); ok {
		other = o.plain()
	}
	return m.plain().Equal(other)
}

func (m members) ConvertToNative(t reflect.Type) (any, error) { return m.plain().ConvertToNative(t) }
func (m members) ConvertToType(t ref.Type) ref.Val            { return m.plain().ConvertToType(t) }

// absent is what details do not have: an object without members, a list without elements, and nothing besides.
type absent struct{}

func (absent) kind() *types.Type {
	return types.NewObjectType("absent", traits.IndexerType|traits.ContainerType|traits.SizerType|traits.IterableType)
}

func (a absent) Get(ref.Val) ref.Val { return a }

func (absent) IsSet(ref.Val) ref.Val    { return types.False }
func (absent) Contains(ref.Val) ref.Val { return types.False }
func (absent) Size() ref.Val            { return types.IntZero }
func (a absent) Type() ref.Type         { return a.kind() }
func (absent) Value() any               { return nil }

func (absent) Iterator() traits.Iterator {
	return types.NewDynamicList(adapter{}, []any{}).Iterator()
}

func (absent) Equal(other ref.Val) ref.Val {
	_, same := other.(absent)
	return types.Bool(same)
}

func (absent) ConvertToNative(t reflect.Type) (any, error) {
	return types.NullValue.ConvertToNative(t)
}

func (absent) ConvertToType(ref.Type) ref.Val { return types.NewErr("no such overload") }
