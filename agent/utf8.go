package agent

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"agentproof/agent/internal/workspace"
)

// repairStrings makes every string in m valid, in place.
func repairStrings(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			repairMap(f, v.Map())
		case f.IsList():
			list := v.List()
			for i := range list.Len() {
				if fixed, ok := repairValue(f, list.Get(i)); ok {
					list.Set(i, fixed)
				}
			}
		default:
			if fixed, ok := repairValue(f, v); ok {
				m.Set(f, fixed)
			}
		}
		return true
	})
}

// repairValue repairs a message in place and returns a string's replacement.
func repairValue(f protoreflect.FieldDescriptor, v protoreflect.Value) (fixed protoreflect.Value, ok bool) {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(workspace.Text(v.String())), true
	case protoreflect.MessageKind, protoreflect.GroupKind:
		repairStrings(v.Message())
	}
	return v, false
}

func repairMap(f protoreflect.FieldDescriptor, m protoreflect.Map) {
	type entry struct {
		key   protoreflect.MapKey
		value protoreflect.Value
	}
	var entries []entry
	m.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		entries = append(entries, entry{k, v})
		return true
	})
	for _, e := range entries {
		if fixed, ok := repairValue(f.MapValue(), e.value); ok {
			e.value = fixed
		}
		m.Clear(e.key)
		if f.MapKey().Kind() == protoreflect.StringKind {
			e.key = protoreflect.ValueOfString(workspace.Text(e.key.String())).MapKey()
		}
		m.Set(e.key, e.value)
	}
}
