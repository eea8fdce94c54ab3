// HookPoints
