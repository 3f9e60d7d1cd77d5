package session

import "strings"

// ToMachinePath maps a path of the model's sandbox to one of the machine,
// where workingDir is what VirtualRoot stands for (session.path):
//
//   - "" and VirtualRoot are the base, which is workingDir without one
//     trailing slash;
//   - what lies below VirtualRoot lies below the base;
//   - any other absolute path is the machine's own and stays as it is;
//   - a relative path lies below the base.
//
// Below an empty base paths stay relative, and the agent joins them onto its
// root. Nothing else is normalised: the agent's system resolves "..".
func ToMachinePath(p, workingDir string) string {
	base := baseOf(workingDir)
	if p == "" || p == VirtualRoot {
		return base
	}
	if rest, ok := strings.CutPrefix(p, VirtualRoot+"/"); ok {
		p = rest
	} else if strings.HasPrefix(p, "/") {
		return p
	}
	if base == "" {
		return p
	}
	return base + "/" + p
}

func baseOf(workingDir string) string { return strings.TrimSuffix(workingDir, "/") }

func (s *Session) machinePath(p string) string { return ToMachinePath(p, s.cfg.WorkingDir) }
