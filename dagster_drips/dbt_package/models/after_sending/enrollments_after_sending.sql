{{ enrollments_of(source('journal', 'enrollment_decisions'), source('journal', 'enrollment_closings')) }}
