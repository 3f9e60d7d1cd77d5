package session

import "maps"

// Manifest is what a consumer believes the sandbox to hold. The session keeps
// it for the consumer and reads nothing from it.
type Manifest struct {
	Root        string            `json:"root"`
	Entries     map[string]any    `json:"entries"`
	Environment map[string]string `json:"environment"`
}

// State is the session's state as its consumer sees it during a run.
type State struct {
	AgentID    string
	InstanceID string // the same as AgentID
	Manifest   Manifest
	// Environment is the run's declared environment; never nil.
	Environment map[string]string
}

// SerializedState is all that is ever persisted of a session
// (session.state.persisted).
type SerializedState struct {
	AgentID string `json:"agentId"`
}

// State returns a copy of the session's state; the values of manifest entries
// are shared.
func (s *Session) State() State {
	s.mu.Lock()
	m := s.manifest
	s.mu.Unlock()
	return State{
		AgentID:     s.cfg.AgentID,
		InstanceID:  s.cfg.AgentID,
		Manifest:    cloneManifest(m),
		Environment: maps.Clone(s.cfg.Environment),
	}
}

// SetManifest replaces the manifest, as consumers do at every turn. Its
// environment is the run's declared one whatever m says, for that is what the
// run was started with (session.state.environment).
func (s *Session) SetManifest(m Manifest) {
	m = cloneManifest(m)
	m.Environment = maps.Clone(s.cfg.Environment)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.manifest = m
}

// SerializeState returns what to persist (session.op.serialize-state).
func (s *Session) SerializeState() SerializedState {
	return SerializedState{AgentID: s.cfg.AgentID}
}

func cloneManifest(m Manifest) Manifest {
	return Manifest{Root: m.Root, Entries: cloneMap(m.Entries), Environment: cloneMap(m.Environment)}
}

// cloneMap is maps.Clone that makes an empty map of nil.
func cloneMap[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return maps.Clone(m)
}
