play half.part
rita rejects because not today
expect paused
expect held rejected:release_manager
rita approves because today then
expect running ready in half
