// ICLTasks
